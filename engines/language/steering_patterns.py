# ruff: noqa: E501  patterns are read best in as few lines as they need
"""How texts speak to models, as patterns with their weights; see `steering`."""

from __future__ import annotations

import re

_MODEL = (
    r"(?:a\.?i\.?|ki|ia|llms?|gpt(?:-?\d\w*)?|(?:large )?language models?|sprachmodell\w*|chat ?bots?|assistants?"
    r"|(?:virtual|digital|automated|ai|ki) (?:assistant|agent|system)s?|assistent\w*|assistente|asistente|mod[eè]les? de "
    r"langage|modelo de l(?:enguaje|inguagem)|copilot|answering (?:system|machine|engine)|summari[sz]ers?)"
)
_RULES = (
    r"(?:instructions?|prompts?|rules?|guidelines?|directives?|directions?|guardrails?|system message|safety|training"
    r"|programming|constraints?|orders?|commands?|context|anweisungen|vorgaben|regeln|befehle|instructions|consignes"
    r"|r[eè]gles|instrucciones|[oó]rdenes|reglas|istruzioni|regole|instru[cç][oõ]es|regras|instructies|regels|opdrachten)"
)
_FORGET = (
    r"(?:ignor\w*|disregard\w*|forget|overrid\w*|overrul\w*|bypass\w*|do not follow|don'?t follow|stop following"
    r"|pay no attention to|set aside|discard|drop|abandon|vergiss|vergessen sie|missachte\w*|ignorier\w*"
    r"|oubli(?:e|ez|er)|ne tenez pas compte|olvid[ae]\w*|omit[ae]|haz caso omiso|dimentic\w*|esque[cç]\w*|negeer|vergeet)"
)
_EARLIER = (
    r"(?:previous|prior|above|earlier|preceding|foregoing|existing|original|initial|old|your|system|all|any|every|other"
    r"|bisherigen?|vorherigen?|vorigen?|obigen?|alle[ns]?|deine[rn]?|ihre|pr[eé]c[eé]dentes?|ci-dessus|vos|tes|toutes"
    r"|anteriores|previas|tus|sus|todas|precedenti|tutte|le tue|suas|eerdere|vorige|alle)"
)
# What each pattern weighs: one is enough.
PATTERNS: tuple[tuple[float, str, str], ...] = (
    (1.0, "forget", rf"{_FORGET}[^.\n]{{0,40}}\b{_EARLIER}\b[^.\n]{{0,30}}\b{_RULES}\b"),
    (1.0, "forget", rf"{_FORGET} (?:everything|all|anything|what|alles|tout|todo|tutto|tudo)[^.\n]{{0,40}}"
                    r"\b(?:you (?:were|are|have been|had been)|above|before|said|so far|learned|oben|bisher|avant|anterior|prima|antes|hiervoor)\b"),
    (1.0, "forget", rf"{_FORGET}[^.\n]{{0,30}}\b(?:instructions?|prompts?|rules|guidelines|directives) (?:above|before|so far"
                    r"|you (?:were|have been) given|that you)\b"),
    (0.6, "forget", rf"{_FORGET}[^.\n]{{0,30}}\b{_RULES}\b"),
    (1.0, "forget", r"(?:zignoruj|zapomnij)\w*[^.\n]{0,30}(?:instrukcj|polece)|(?:игнорируй|забудь|проигнорируй)\w*[^.\n]"
                    r"{0,40}(?:инструкц|указани|правил)|忽略[^。\n]{0,12}(?:指令|指示|说明|提示)"
                    r"|(?:指示|命令|プロンプト)[^。\n]{0,10}(?:無視|忘れ)"),
    (0.6, "new orders", r"\b(?:new|updated|real|actual|true|secret|hidden|urgent|important|additional|special|neue|nouvelles"
                        r"|nuevas|nuove|novas|nieuwe) (?:system |hidden )?(?:instructions?|prompts?|directives?|orders?"
                        r"|anweisungen|consignes|instrucciones|istruzioni|instru[cç][oõ]es|instructies)\b(?=[^.\n]{0,60}"
                        r"(?::|follow|from now|you |model|assistant|ai\b))"),
    (0.5, "new orders", r"\b(?:from now on|ab jetzt|von nun an|d[eé]sormais|[aà] partir de maintenant|a partir de ahora"
                        r"|d'ora in poi|a partir de agora|vanaf nu)\b"),
    (1.0, "a part", rf"\b(?:you are|you're|act as|behave as|pretend (?:to be|you are)|roleplay as|du bist|sie sind|agiere als"
                    r"|tu es|vous [eê]tes|eres|act[uú]a como|sei|agisci come|voc[eê] [eé]|je bent) (?:now |jetzt |maintenant "
                    r"|ahora |ora |agora |nu )?(?:an? |the |ein[e]? |une? |un[ao]? |um |een )?(?:\w+[ -]){0,3}"
                    rf"(?:{_MODEL}|dan|jailbr\w+|unrestricted|uncensored|developer mode)\b"),
    (0.6, "a part", r"\b(?:developer|debug|god|maintenance|admin|jailbreak|unrestricted|dan) mode\b[^.\n]{0,40}"
                    r"\b(?:enabled?|activated?|on|engaged|entered)\b|\b(?:enter|enable|activate|switch to) (?:the )?"
                    r"(?:developer|debug|god|admin|jailbreak|unrestricted|dan) mode\b"),
    (0.7, "a model", rf"\b(?:attention|note|message|instructions?|notice|memo|hinweis|note|mensaje|aviso|messaggio|dear|to|for"
                     rf"|an|hey|hello|hi)\b[ ,:]{{1,3}}(?:for |to |f[uü]r |pour |para |per )?(?:the |any |all |every |die |das |l'"
                     rf"|los |el |gli )?(?:\w+ )?{_MODEL}\b(?= (?:reading|that|who|which|processing|summari|answering)|[:,!])"),
    (0.6, "a model", rf"\bif you(?:'re| are)? (?:an? |the |reading this as an? )?(?:\w+ )?{_MODEL}\b|\bas an? (?:helpful )?"
                     rf"(?:ai|llm|language model|ai assistant)\b|\b{_MODEL} (?:reading|processing|summari[sz]ing|answering) "
                     r"(?:this|the)\b|\bwenn du (?:eine? )?(?:ki|sprachmodell)\b|\bsi (?:tu es|vous [eê]tes) une? ia\b"),
    (1.0, "a turn", r"(?:^|[\n.!?:;)\]>}]\s)\s*(?:#{1,4}\s*|\*\*|<|\[|\()?\s*(?:system|assistant|developer|user|human)\s*(?:prompt|message"
                    r"|note|instructions?|override|update)?\s*(?:\*\*|>|\]|\))?\s*:\s*(?=[^\n]{0,200}\b(?:you|your|ignore|respond"
                    r"|reply|answer|say|tell|follow|must|always|never|print|sure|approved?|override|model|will)\b)"),
    (1.0, "a turn", r"<\|[^|>\n]{1,40}\|>|\[/?INST\]|<</?SYS>>|</?(?:system|assistant|instructions?|prompt|im_start|im_end)"
                    r"(?:[ _-]\w+)?>|\"role\"\s*:\s*\"(?:system|assistant|developer|tool)\"|###\s*(?:instruction|response|system)"
                    r"\s*:?|\b(?:begin|end)(?:ning)? (?:of )?(?:system|hidden|developer) (?:prompt|message|instructions?)\b"),
    (0.6, "what to write", r"\b(?:respond|reply|answer|output|write|print|say|repeat|antworte|schreibe|r[eé]ponds|r[eé]pondez"
                           r"|responde|rispondi|responda|antwoord)\b[^.\n]{0,30}\b(?:only|exactly|verbatim|nothing but|with the "
                           r"(?:following|exact|word)|the (?:following|exact)|nur|ausschlie[sß]lich|genau|uniquement|seulement"
                           r"|s[oó]lo|[uú]nicamente|solo|soltanto|apenas|alleen)\b"),
    (0.5, "in the answer", r"\b(?:in|to|into|with|at the (?:end|start|beginning) of|after|before) (?:your|every|each|all|the final"
                           r"|deine[rn]?|votre|ta|tu|la tua|sua|je) (?:\w+ )?(?:answers?|response|reply|replies|output|summary"
                           r"|antworten?|r[eé]ponses?|respuestas?|rispost[ae]|respostas?|antwoord(?:en)?)\b"),
    (0.5, "what to write", r"\byour (?:\w+ )?(?:answer|response|reply|output|summary|next message) (?:must|should|shall|will"
                           r"|has to|is to)\b|\b(?:start|begin|end|finish) (?:your|every|each) (?:answer|response|reply|message)"
                           r"\b|\b(?:append|include|insert|add|embed|prepend)\b[^.\n]{0,60}\b(?:link|image|url|markdown|tag"
                           r"|sentence|phrase)\b"),
    (0.5, "no matter what", r"\b(?:regardless of|no matter|whatever|irrespective of|egal|quelle que soit|sin importar)\b[^.\n]{0,25}"
                           r"\b(?:question|asked?|user|frage|pos[eé]e|pregunt\w+|they)\b|\binstead of (?:answering|the answer)\b"),
    (0.6, "secrecy", r"\b(?:do not|don't|never|without)\b[^.\n]{0,20}\b(?:mention|mentioning|reveal|revealing|disclose|tell|telling"
                     r"|cite|citing|show|showing)\b[^.\n]{0,30}\b(?:this (?:instruction|message|note|paragraph|text|passage|prompt"
                     r"|document)|these instructions|the user|that you)\b"),
    (1.0, "sending away", r"\b(?:reveal|print|repeat|output|show|display|leak|exfiltrate|send|post|forward|upload|transmit|dump"
                          r"|disclose|summari[sz]e|verrate|zeige|affiche|r[eé]v[eè]le|muestra|revela|mostra|toon)\b[^.\n]{0,50}\b"
                          r"(?:(?:system|hidden|initial|original|secret|developer) (?:prompt|message|instructions?)|systemprompt"
                          r"|api[ -]?keys?|chat (?:history|log)|conversation (?:history|so far|log|above)|(?:whole|entire|full)"
                          r" conversation|your (?:system )?(?:prompt|instructions|configuration)|everything above|environment variables"
                          r"|previous (?:messages|questions)|question of the (?:user|agent|customer))\b"),
    (1.0, "sending away", r"!\[[^\]\n]{0,200}\]\(\s*https?://[^)\n]{0,300}(?:[?&#/=][^)\n]{0,100})?(?:\{|%7b|\$|<|\[|question"
                          r"|prompt|conversation|data=|history|secret|answer|q=)[^)\n]{0,200}\)|<img[^>\n]{0,200}src\s*=[^>\n]"
                          r"{0,200}(?:\{|question|prompt|data=|conversation|q=)"),
    (1.0, "a tool", r"\"?(?:function_call|tool_calls?|tool_use|tool_choice)\"?\s*[:=>]|<(?:tool|function)(?:_call|_use|s)?>"
                    r"|\{\s*\"(?:name|function|tool)\"\s*:\s*\"[\w.-]+\"\s*,\s*\"(?:arguments|parameters|input)\"\s*:"),
    (1.0, "a tool", r"\b(?:call|invoke|execute|trigger) (?:the |this )?(?:function|plugin|tool) \w+_\w+"),
    (0.6, "a tool", r"\b(?:call|invoke|run|execute|trigger|use)\b[^.\n]{0,15}\b(?:function|tool|plugin|command)\b[^.\n]{0,60}"
                    r"\b(?:immediately|now|silently|without (?:asking|confirm\w*|telling)|on behalf|before (?:you )?answer\w*"
                    r"|first|with arguments?)\b"),
    (0.5, "a claim", r"\b(?:this (?:overrides|supersedes|replaces)|takes? precedence over|has priority over)\b[^.\n]{0,40}"
                     r"\b(?:instructions?|prompts?|everything|all other|anything)\b|\b(?:authori[sz]ed|approved|signed|sent) by "
                     r"(?:openai|anthropic|google|the (?:developers?|system|admin(?:istrator)?s?))\b|\bthe (?:real|actual) "
                     r"(?:user|task|question)\b"),
    (0.5, "to a model", r"\b(?:tell|inform|assure|convince|instruct|sag|dis|dites|di|diga|dile) (?:the |every |all |any |dem |den |au"
                        r"|aux |al |a los )?(?:user|agent|customer|caller|reader|kunden|client|cliente)s?\b[^.\n]{0,40}\b(?:always"
                        r"|instead|regardless|to (?:visit|click|call|send|transfer|pay)|that (?:all|every|their|they|the company)"
                        r"|dass|que)\b"),
    (0.5, "to a model", rf"\b(?:the|this|every|any) {_MODEL} (?:must|should|shall|will|has to|needs to|is (?:required|instructed))\b"
                        r"|\bmodels? (?:must|should|shall) (?:answer|say|reply|respond|output|ignore)\b"),
)  # fmt: skip
# A paragraph without any of these has nothing to say to a model; the screen is ten times faster than the patterns.
SCREEN = re.compile(
    r"ignor|disregard|forget|overrid|overrul|bypass|follow|attention|aside|discard|abandon|verg|missacht|oubli|olvid|omit"
    r"|caso|dimentic|esque|neg|zignor|zapomn|игнор|забуд|忽略|無視|忘れ|instruct|prompt|directive|from now|ab jetzt|von nun"
    r"|partir de|d'ora|désormais|desormais|vanaf|mode\b|\bai\b|\bki\b|\bia\b|llm|gpt|model|sprachmodell|chat ?bot|assist|copilot"
    r"|system|developer|<\||\[/?inst|<<|</?|\"role\"|###|respond|reply|répond|repond|respuesta|rispo|antwo|answer|output"
    r"|regardless|no matter|whatever|reveal|conversation|api|mention|!\[|tool|function|precedence|overrides|supersedes|tell |user",
    re.IGNORECASE,
)

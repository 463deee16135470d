"""The words that `support` reads by more than their letters: numbers, negations, bounds, opposites."""

from __future__ import annotations


def listed(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# What says nothing by itself; English, German, French, Spanish.
EMPTY = listed("""
a an the this that these those and or but so if then than because as of at by for from in into on onto to up
out off over with about i me my mine we us our ours you your yours he him his she her it its they them their
there here is am are was were be been being do does did done have has had having will would shall should can
could may might must get got go just very really also too please okay yes which who whom whose what when
where why how some each other such own same now both per via upon within without before after until till
since during under above below between through not no never cannot need needs only except unless least most
more less always every all any either neither nor once der die das den dem des ein eine einen einem einer
eines und oder aber wenn dann weil als von für im in ins am an auf aus bei mit nach zu zum zur über unter
ich wir sie er es uns ihr ihre ihren ist sind war waren wird werden wurde wurden sein hat haben hatte kann
können darf dürfen muss müssen soll sollen sich auch nur nicht kein keine keinen keinem keiner nie le la les
un une des du de et ou mais si alors car que qui dans en sur sous avec pour par au aux il elle on nous vous
ils elles est sont était être a ont avoir peut peuvent doit doivent se sa son ses ce cette ces ne pas jamais
sans aucun aucune el los las una unos unas y o pero que quien en con por para del al es son era ser ha han
haber puede pueden debe deben su sus lo se no nunca sin
""")
# They hold a sentence together, whatever it is about: half a word each.
LIGHT = listed("""
take take give make use ask tell say let put keep find come help provide offer contact call check see want like receive
apply include contain follow possible able way time case amount number total thing customer client agent person people
user member ensure note usually normally typically generally simply directly currently available
""")
NEGATIONS = listed("""
not no never cannot without neither nor unable impossible
nicht kein keine keinen keinem keiner keines nie niemals ohne weder
pas jamais sans aucun aucune ni nunca sin ningún ninguna ninguno jamás
""")
# "non-refundable" is not refundable.
NEGATIVE_PREFIXES = ("non", "un", "in", "im", "ir", "dis")
MUST = listed("must required require requires shall mandatory obligatory muss müssen doit doivent debe deben")
MAY = listed("may can could might optional optionally darf kann können peut peuvent puede pueden")
# Where a word goes: both of a pair are told apart.
FROM, TO = listed("from von depuis desde"), listed("to into nach hacia")
BEFORE = listed("before until till prior vor bis avant antes")
AFTER = listed("after since following nach après después")
DURING = listed("during while throughout während pendant durant durante")
# How a number is meant: more than it, it or more, it or less, less than it. Words, then phrases; "<" stands after it.
BOUNDS = {
    "over": (
        "exceeding exceed exceeds exceeded over above beyond über",
        "more than|greater than|higher than|older than|longer than|plus de|más de|mehr als",
    ),
    "least": (
        "mindestens",
        "at least|no less than|not less than|no fewer than|minimum of|<or more|<or older|<or "
        "higher|<or over|au moins|al menos",
    ),
    "most": (
        "within höchstens innerhalb",
        "at most|up to|no more than|not more than|no later than|not exceed|not exceeding|maximum "
        "of|<or less|<or fewer|<or younger|bis zu|jusqu'à|hasta",
    ),
    "below": (
        "below under unter",
        "less than|fewer than|lower than|younger than|shorter than|smaller than|moins de|menos "
        "de|weniger als",
    ),
}
# What holds for each is not what holds for some.
EACH = listed(
    "always all every any everyone everybody anyone immer alle jeder jede toujours tous toutes siempre todos"
)
SOME = listed(
    "some sometimes usually often most mostly certain selected may might can manche meist parfois algunos"
)
ONLY = listed("only nur seulement solo solely exclusively")
EXCEPT = listed("unless except excluding außer sauf salvo excepto")
WORKDAY = listed("working business work werktag werktage ouvrés ouvrables hábiles laborables")

_NUMBERS = """
0=zero,null,zéro,cero 1=one,once,eins,uno 2=two,twice,zwei,deux,dos 3=three,thrice,drei,trois,tres
4=four,vier,quatre,cuatro 5=five,fünf,cinq,cinco 6=six,sechs,seis 7=seven,sieben,sept,siete
8=eight,acht,huit,ocho 9=nine,neun,neuf,nueve 10=ten,zehn,dix,diez 11=eleven,elf,onze
12=twelve,zwölf,douze,doce 13=thirteen,dreizehn 14=fourteen,vierzehn,quatorze,catorce
15=fifteen,fünfzehn,quinze,quince 16=sixteen 17=seventeen 18=eighteen 19=nineteen
20=twenty,zwanzig,vingt,veinte 21=twenty-one 24=twenty-four 25=twenty-five 28=twenty-eight
30=thirty,dreißig,trente,treinta 40=forty,vierzig,quarante,cuarenta 45=forty-five 48=forty-eight
50=fifty,fünfzig,cinquante,cincuenta 60=sixty,sechzig,soixante,sesenta 70=seventy 72=seventy-two 80=eighty
90=ninety,neunzig,noventa 100=hundred,hundert,cent,cien 1000=thousand,tausend,mille,mil 1000000=million
"""
NUMBERS = {
    word: int(number)
    for number, _equals, those in (one.partition("=") for one in _NUMBERS.split())
    for word in those.split(",")
}
_MONTHS = """
1=january,jan,januar,janvier,enero 2=february,feb,februar,février,febrero 3=march,mar,märz,mars,marzo
4=april,apr,avril,abril 5=may,mai,mayo 6=june,jun,juni,juin,junio 7=july,jul,juli,juillet,julio
8=august,aug,août,agosto 9=september,sep,sept,septembre,septiembre 10=october,oct,oktober,octobre,octubre
11=november,nov,novembre,noviembre 12=december,dec,dezember,décembre,diciembre
"""
MONTHS = {
    word: int(number)
    for number, _equals, those in (one.partition("=") for one in _MONTHS.split())
    for word in those.split(",")
}
CURRENCIES = {
    "£": "gbp", "$": "usd", "€": "eur", "¥": "jpy", "gbp": "gbp", "usd": "usd", "eur": "eur", "pound": "gbp",
    "pounds": "gbp", "dollar": "usd", "dollars": "usd", "euro": "eur", "euros": "eur",
}  # fmt: skip
# Each word is the others' contrary: a claim with one is not borne out by what has the other only.
_OPPOSITES = """
increase decrease|raise lower|accept reject|accept decline|approve deny|approve decline|allow forbid
allow prohibit|permit prohibit|permit forbid|include exclude|open close|always never|require optional
mandatory optional|credit debit|deposit withdraw|deposit withdrawal|early late|first last|free charge
enable disable|lock unlock|freeze unfreeze|weekday weekend|morning evening|old new|highest lowest
best worst|more less|largest smallest|higher lower|active inactive|valid invalid|eligible ineligible
temporary permanent|automatic manual|automatically manually|domestic international|start stop
monthly yearly|monthly annual|daily monthly|weekly monthly|daily weekly|long short|longer shorter
heavy light|heavier lighter|cheaper dearer|annual daily|buy sell|incoming outgoing|internal external
full partial|fully partially|minimum maximum|same different|public private|online offline
personal business
"""
OPPOSITES: dict[str, set[str]] = {}
for _pair in _OPPOSITES.replace("\n", "|").split("|"):
    _words = _pair.split()
    if len(_words) == 2:
        OPPOSITES.setdefault(_words[0], set()).add(_words[1])
        OPPOSITES.setdefault(_words[1], set()).add(_words[0])
# Of one meaning in any service's documents. A company's own are given by the caller.
_SAME = """
refund/reimburse/repay/reimbursement cancel/terminate/cancellation buy/purchase send/mail/ship/dispatch/post
begin/start end/finish assist/help replace/substitute fee/charge client/customer obtain/get/receive
pay/payment show/display annual/yearly/year monthly/month daily/day weekly/week verify/confirm permit/allow
need/require whole/full/entire quick/fast mobile/cell phone/telephone id/identity/identification
eligible/qualify cost/price photo/picture close/closure free/gratis credit/deposit last/previous return/back
business/working waive/waiver upgrade/upgraded holder/owner issue/problem
"""
SAME = tuple(tuple(group.split("/")) for group in _SAME.split())

"""Which step an agent should take next, learned from past dialogues and from a task's playbook.

- `dialogue`: what was said, looked up and done, in order
- `schema`: a task's playbook: its actions, their words, and which follows which
- `features`: what of a dialogue so far speaks for an action
- `fitting`: weights from dialogues whose actions are known
- `ways`: what the dialogue tells of its own agent, while it goes on
- `model`: suggestions with probability and reason; the model's file
- `trial`: how often the suggestion is what the agent did, for tasks seen in training and for ones that were not
"""

"""Every sentence that the live pages put together in the browser, in the reader's language.

Words in braces are filled in by the page. What a template can print stands in the template.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from engines.redaction.vocabulary import TYPES


def redaction_labels() -> dict[str, str]:
    """Placeholder in a text -> the word on its chip: `{"[CREDIT_CARD]": "card number", …}`."""
    return {kind.placeholder: _(kind.label) for kind in TYPES.values()}


def shared() -> dict[str, str]:
    return {
        "lost": _(
            "Connection lost. This page keeps what it has and catches up by itself. Last heard {time}."
        ),
        "lost_never": _("No connection yet. This page goes on trying."),
        "try_now": _("Try now"),
        "signed_out": _("You are signed out. What you see stays until you leave this page."),
        "sign_in": _("Sign in"),
        "refused": _("This call is no longer yours to follow."),
        "back": _("Connected again."),
        "agent": _("Agent"),
        "customer": _("Customer"),
        "supervisor": _("Supervisor"),
        "bot": _("Assistant"),
        "you": _("You"),
        "speaking": _("speaking"),
        "new": _("{n} new"),
        "found": _("{n} of {all}"),
        "not_found": _("Not in this call"),
        "hidden_thing": _("hidden: {label}"),
        "no_audio_customer": _("No audio from the customer"),
        "no_audio_agent": _("No audio from the agent"),
        "since": _("since {time}. Guidance waits, the call goes on."),
        "late": _("Transcript is late by {seconds} s."),
        "late_more": _("Hints may come late too."),
        "stopped": _("The transcript stands still"),
        "stopped_more": _("since {time}. It goes on by itself, and nothing said is lost."),
        "seconds_ago": _("{n} s ago"),
        "minutes_ago": _("{n} min ago"),
        "now": _("now"),
        "not_done": _("That was not done: {why}"),
        "offline": _("there is no connection."),
    }


def desk() -> dict[str, str]:
    return {
        **shared(),
        "ready_title": _("Ready"),
        "unknown_customer": _("Unknown customer"),
        "wrap_up": _("Wrap-up"),
        "open_count": _("{n} open"),
        "because_at": _("at {time}"),
        "say": _("Say"),
        "do": _("Do"),
        "know": _("Know"),
        "accepted": _("Used: {title}"),
        "dismissed": _("Dismissed: {title}"),
        "dismissed_why": _("Dismissed, {reason}: {title}"),
        "withdrawn": _("Withdrawn: {title}"),
        "expired": _("Time is over: {title}"),
        "undo": _("Undo"),
        "waiting": _("not sent yet"),
        "hint_arrived": _("New hint. {label}: {title}"),
        "step": _("{done} of {all}"),
        "step_done": _("Done: {title}"),
        "heard": _("Heard"),
        "rule": _("Rule"),
        "rule_of": _("{policy}, revision {number}"),
        "arrived": _("On screen"),
        "arrived_after": _("{seconds} s after it was said"),
        "tray_one": _("1 summary to confirm"),
        "tray": _("{n} summaries to confirm"),
        "tray_written": _("being written"),
        "tray_confirm": _("to confirm"),
        "saved": _("Saved"),
        "saved_ago": _("Saved {ago}"),
        "saving": _("Saving"),
        "note_failed": _("Note was not saved."),
        "summary_failed": _("Summary was not saved."),
        "text_kept": _("Your text is still here."),
        "save_again": _("Save again"),
        "summary_wait": _("The summary is being written. It shows up here by itself."),
        "lines": _("{n} lines"),
        "line": _("1 line"),
        "edited": _("edited"),
        "added": _("added by you"),
        "removed": _("removed"),
        "put_back": _("Put back"),
        "editing": _("Enter keeps it, Esc leaves it"),
        "add_line": _("Add a line"),
        "original": _("Before: {text}"),
        "copied": _("Copied"),
        "confirmed_by": _("Confirmed at {time}"),
        "unconfirmed": _("Stored unconfirmed. You can still confirm it."),
        "call_length": _("Call {time}"),
        "ended": _("Ended {time}"),
        "ended_badly": _("The line broke. What was heard until then is here."),
        "used_count": _("{used} of {all} used"),
        "no_contacts": _("No earlier contact."),
        "voice": _("call"),
        "chat": _("chat"),
        "email": _("e-mail"),
        "no_customer": _("The call names no customer."),
        "no_fields": _("Nothing is known yet but the name."),
        "waiting_call": _("A new call has come. Your last summary waits in the bar on top."),
        "other_call": _("Go to the call"),
    }


def floor() -> dict[str, str]:
    return {
        **shared(),
        "unmatched": _("Unmatched"),
        "attach": _("Whose call is it?"),
        "attach_to": _("Attach to …"),
        "attached": _("Attached to {name}. Their next call is known by itself."),
        "falling": _("falling"),
        "rising": _("rising"),
        "steady": _("steady"),
        "unassigned": _("unassigned"),
        "assigned_you": _("you"),
        "more": _("and {n} more"),
        "wrap_up": _("wrap-up"),
        "ended": _("ended"),
        "order_new": _("{n} new"),
        "order_changed": _("New order"),
        "count": _("{n} of {all} calls"),
        "with": _("with {name}"),
        "sees": _("Sees: {title}"),
        "sees_nothing": _("Nothing on the agent's screen now"),
        "shown_for": _("shown {time}, not used"),
        "used": _("used"),
        "dismissed": _("dismissed"),
        "withdrawn": _("withdrawn"),
        "expired": _("time is over"),
        "sent": _("sent"),
        "alert_arrived": _("Alert. {agent}: {title}"),
        "alert_at": _("At {time}."),
        "alert_yours": _("Yours."),
        "alert_of": _("{name} has it."),
        "alert_nobody": _("Nobody has it yet."),
        "updated_now": _("Updated now"),
        "mine_of": _("{n} yours"),
        "unmatched_of": _("{n} unmatched"),
        "no_calls": _("No calls now. The next one shows up by itself."),
        "no_match": _("No call here now matches."),
        "call_over": _("This call has ended."),
        "open_past": _("Open it"),
    }

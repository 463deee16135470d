"""A live call's row is written every second or two: it stays in its page, and what changes is not moved out of it.

At PostgreSQL's own numbers a state of two kilobytes went to the table of large values with each commit, two rows and
their index entries at a time, which was half of what a commit wrote and had to be cleaned up behind it. What stays as
it is for the whole call (`fixed_state`) is still kept there, and not written again.
"""

from django.db import migrations

FORWARD = """
    ALTER TABLE conversations_callowner SET (fillfactor = 50, toast_tuple_target = 4080);
    ALTER TABLE conversations_callowner ALTER COLUMN engine_state SET STORAGE MAIN;
    ALTER TABLE conversations_callowner ALTER COLUMN coverage SET STORAGE MAIN;
"""
BACKWARD = """
    ALTER TABLE conversations_callowner RESET (fillfactor, toast_tuple_target);
    ALTER TABLE conversations_callowner ALTER COLUMN engine_state SET STORAGE EXTENDED;
    ALTER TABLE conversations_callowner ALTER COLUMN coverage SET STORAGE EXTENDED;
"""


class Migration(migrations.Migration):
    dependencies = [("conversations", "0015_rule_may_see")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

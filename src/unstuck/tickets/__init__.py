"""The canonical ticket model: tables, migrations, store, timeline, business calendars."""

"""Files of tickets: CSV, XLSX, JSON lines, XES; recognised or mapped, streamed into the store."""

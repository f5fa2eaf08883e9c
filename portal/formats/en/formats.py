"""The same 24-hour forms in English."""

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "Y-m-d H:i"
SHORT_DATE_FORMAT = "m/d"
SHORT_DATETIME_FORMAT = "m/d H:i"

"""Short 24-hour forms, as a desk reads them."""

DATE_FORMAT = "Y년 n월 j일"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "Y-m-d H:i"
SHORT_DATE_FORMAT = "m/d"
SHORT_DATETIME_FORMAT = "m/d H:i"

"""The numbers: what Slack refuses above (or below). Sizes are in characters, counts in items.

Where two vendor pages disagree, the plain name holds what Slack is known to refuse and `*_SAFE` what a
renderer should stay within. Pages: https://docs.slack.dev/reference/block-kit/blocks and the ones named
below.
"""

# Surfaces: https://docs.slack.dev/reference/block-kit/blocks
BLOCKS_PER_MESSAGE = 50
BLOCKS_PER_VIEW = 100
BLOCK_ID = 255

# https://docs.slack.dev/reference/methods/chat.postMessage (truncated above), chat.update (refused above)
MESSAGE_TEXT = 40_000
MESSAGE_TEXT_SAFE = 4_000
UPDATE_TEXT = 4_000
ATTACHMENTS_PER_MESSAGE = 100

# https://docs.slack.dev/messaging/message-metadata (the size is not documented; keep below 1 KB)
METADATA_BYTES = 8_000
METADATA_BYTES_SAFE = 1_000

# https://docs.slack.dev/reference/block-kit/composition-objects
TEXT_OBJECT = 3_000
CONFIRM_TITLE = 100
CONFIRM_TEXT = 300
CONFIRM_BUTTON = 30
OPTION_TEXT = 75
OPTION_VALUE = 150
OPTION_DESCRIPTION = 75
OPTION_GROUPS = 100
OPTION_URL = 3_000

# https://docs.slack.dev/reference/block-kit/block-elements
ACTION_ID = 255
BUTTON_TEXT = 75
BUTTON_VALUE = 2_000
BUTTON_URL = 3_000
ACCESSIBILITY_LABEL = 75
PLACEHOLDER = 150
SELECT_OPTIONS = 100
OVERFLOW_OPTIONS_MIN = 2
OVERFLOW_OPTIONS = 5
CHECKBOX_OPTIONS = 10
INPUT_TEXT = 3_000

# https://docs.slack.dev/reference/block-kit/blocks/section-block and its neighbours
SECTION_TEXT = 3_000
SECTION_FIELDS = 10
SECTION_FIELD = 2_000
HEADER_TEXT = 150
HEADER_LEVELS = 4
CONTEXT_ELEMENTS = 10
ACTIONS_ELEMENTS = 25
CONTEXT_ACTIONS_ELEMENTS = 5
IMAGE_URL = 3_000
ALT_TEXT = 2_000
INPUT_LABEL = 2_000
INPUT_HINT = 2_000
MARKDOWN_TEXT = 12_000  # all markdown blocks of a message together
ALERT_TEXT = 200
CARD_TITLE = 150
CARD_BODY = 200
CARD_BUTTONS = 3
CAROUSEL_CARDS = 10
CONTAINER_BLOCKS = 10
CONTAINER_TITLE = 150

# https://docs.slack.dev/reference/block-kit/blocks/table-block
TABLES_PER_MESSAGE = 1
TABLE_ROWS = 100
TABLE_COLUMNS = 20
TABLE_TEXT = 10_000

# https://docs.slack.dev/reference/block-kit/blocks/data-table-block
DATA_TABLE_ROWS_MIN = 2  # with the header row
DATA_TABLE_ROWS = 201
DATA_TABLE_ROWS_SAFE = 101
DATA_TABLE_COLUMNS = 20
DATA_TABLE_TEXT = 20_000
DATA_TABLE_TEXT_SAFE = 10_000
DATA_TABLE_PAGE = 100

# https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
CHARTS_PER_MESSAGE = 2
CHART_TITLE = 50
CHART_SERIES = 12
CHART_SERIES_SAFE = 6
CHART_SERIES_NAME = 20
CHART_POINTS = 20
CHART_LABEL = 20
CHART_AXIS_LABEL = 50

# https://docs.slack.dev/reference/views/modal-views
VIEW_TITLE = 24
VIEW_BUTTON = 24
VIEW_BYTES = 250_000
VIEW_STACK = 3
PRIVATE_METADATA = 3_000
CALLBACK_ID = 255
EXTERNAL_ID = 255

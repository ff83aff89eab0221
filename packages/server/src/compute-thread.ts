/** The module of the threads of compute-pool.ts. */
import { COMPOSE } from '@kabutar/core/messages/compose-message.ts'
import { DIGEST_DRAFT } from '@kabutar/core/messages/content.ts'
import { HTML_TO_TEXT, INDEX_MESSAGE, READ_LEAF } from '@kabutar/core/messages/reading-jobs.ts'
import { DECODE_JSON, ENCODE_JSON } from '@kabutar/core/messages/stored-json.ts'
import { INJECTED_MESSAGE } from '@kabutar/http/injected-message.ts'
import { PARSE_JSON } from '@kabutar/http/json-text.ts'
import { SANITIZE_MESSAGE } from '@kabutar/http/sanitize-message.ts'
import { SCAN_HTML } from '@kabutar/http/scan-html.ts'
import { SIGN } from '@kabutar/local/relay/signed.ts'
import { serveJobs } from './serve-jobs.ts'

export default serveJobs([
  INDEX_MESSAGE,
  READ_LEAF,
  HTML_TO_TEXT,
  COMPOSE,
  SIGN,
  ENCODE_JSON,
  DECODE_JSON,
  DIGEST_DRAFT,
  PARSE_JSON,
  INJECTED_MESSAGE,
  SANITIZE_MESSAGE,
  SCAN_HTML,
])

/**
 * Bounds of what is read of a message. Above a bound a message is still stored and served whole; `truncated`, `opaque` or
 * `undecoded` says what is left out. Together they bound what is stored beside it: see MAX_READING_JSON_BYTES.
 */

/** Bounds of the indexer. */
export type Limits = {
  /** Parts in all, including nested messages and their bodies. The last part has the rest of the message. */
  readonly maxParts: number
  /** Levels of nesting. */
  readonly maxDepth: number
  /** Bytes of a part's header that are read. The end of a longer header is still found. */
  readonly maxHeaderBytes: number
  /** Characters of JSON for parameters, names, addresses and other fields of all parts together. Later parts have none. */
  readonly maxIndexLength: number
}

/** Real messages have fewer than 20 levels and headers below 100 KB. */
export const LIMITS: Limits = {
  maxParts: 1000,
  maxDepth: 100,
  maxHeaderBytes: 256 * 1024,
  maxIndexLength: 2 * 1024 * 1024,
}

/** Addresses in one header field of the index, counted over all its repetitions. */
export const MAX_INDEXED_ADDRESSES = 2000
/** Message identifiers in References: the first and the newest ones are kept. */
export const MAX_REFERENCES = 100
/** Parameters of one field, and segments of one parameter (RFC 2231 section 3). */
export const MAX_PARAMETERS = 200
/** Repetitions of one header field that are kept. */
export const MAX_REPETITIONS = 100
/** RFC 2046 section 5.1.1 allows 70; a whole line (RFC 5322 section 2.1.1) is accepted. */
export const MAX_BOUNDARY_BYTES = 998

/** Fields of a header, and addresses of one of its lists, that people are shown. */
export const MAX_FIELDS = 10_000
export const MAX_ADDRESSES = 20_000
/** Characters of JSON for all addresses and fields of a header together: an address of one letter takes 30. */
export const MAX_HEADER_LENGTH = 1024 * 1024
/** Bytes that are read of the headers of all messages that are shown in place. Lists of addresses take two seconds per MB. */
export const MAX_SHOWN_HEADERS_BYTES = 256 * 1024

/** Encoded bytes that are read of one text, and of all texts of a message together. */
export const MAX_TEXT_BYTES = 4 * 1024 * 1024
export const MAX_TEXTS_BYTES = 8 * 1024 * 1024
/** Lines of a text. A line costs far more than its bytes: a megabyte of line breaks takes as long as ten of words. */
export const MAX_LINES = 500_000
/** The lines of a longer text are left as they were sent. Nobody writes so much in paragraphs. */
export const MAX_FLOWED_BYTES = 1 << 20
/** Characters of a message that are converted from plain text to HTML, or from HTML to plain text. */
export const MAX_CONVERTED = 1 << 19

const [UTF8, ESCAPED] = [3, 6]
/** Offsets, sizes and the names of fields for one part of the index, and for one attachment. */
const PART_BYTES = 2000

/**
 * Bytes that the JSON of an index and a reading takes at most: names are in both, a unit of UTF-16 takes three bytes, and a
 * control character of a text, or a quotation mark that is converted to HTML, six.
 */
export const MAX_READING_JSON_BYTES =
  LIMITS.maxParts * PART_BYTES +
  2 * LIMITS.maxIndexLength * UTF8 +
  (MAX_HEADER_LENGTH + 2 * LIMITS.maxHeaderBytes) * UTF8 +
  (MAX_TEXTS_BYTES + MAX_SHOWN_HEADERS_BYTES + MAX_CONVERTED) * ESCAPED

/** Bounds of the indexer. Above a bound a message is still stored and served; `opaque` or `truncated` says where it was cut. */
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

/** Addresses in one header field, counted over all its repetitions. */
export const MAX_ADDRESSES = 2000
/** Message identifiers in References: the first and the newest ones are kept. */
export const MAX_REFERENCES = 100
/** Parameters of one field, and segments of one parameter (RFC 2231 section 3). */
export const MAX_PARAMETERS = 200
/** Repetitions of one header field that are kept. */
export const MAX_REPETITIONS = 100
/** RFC 2046 section 5.1.1 allows 70; a whole line (RFC 5322 section 2.1.1) is accepted. */
export const MAX_BOUNDARY_BYTES = 998

/** Bounds of the indexer. Past one of them a message is still kept and served; `opaque` or `truncated` says where it was cut. */
export type Limits = {
  /** Parts in all, nested messages and their bodies included; the last one holds the rest of the message. */
  readonly maxParts: number
  /** Parts inside one another. */
  readonly maxDepth: number
  /** Header bytes of one part that are read; the header's end is found whatever its size. */
  readonly maxHeaderBytes: number
}

/** Real messages nest fewer than 20 levels and hold headers below 100 KB. */
export const LIMITS: Limits = { maxParts: 1000, maxDepth: 100, maxHeaderBytes: 256 * 1024 }

/** Addresses in one header field, counted over all its repetitions. */
export const MAX_ADDRESSES = 2000
/** Message identifiers in References: the first and the newest ones are kept. */
export const MAX_REFERENCES = 100
/** Parameters of one field, and segments of one parameter (RFC 2231 section 3). */
export const MAX_PARAMETERS = 200
/** Repetitions of one header field that are kept. */
export const MAX_REPETITIONS = 100
/** RFC 2046 section 5.1.1 says 70; a line (RFC 5322 section 2.1.1) is what we take. */
export const MAX_BOUNDARY_BYTES = 998

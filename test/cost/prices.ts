/**
 * List prices of us-east-1 for arm64, US dollars, without free tiers or savings plans; read 2026-11-22 (SES's of the
 * price list of 2026-07-22). Per million, unless the name says otherwise.
 */
export const PRICES = {
  httpApi: 1.0,
  lambdaRequests: 0.2,
  lambdaGbSeconds: 13.3334,
  sqsRequests: 0.4,
  snsPublishes: 0.5,
  tableWrites: 0.625,
  tableReads: 0.125,
  s3Writes: 5.0,
  s3Reads: 0.4,
  s3Lists: 5.0,
  /** Free, but counted; so are calls of SES other than sending. */
  s3Deletes: 0,
  sesCalls: 0,
  schedulerRuns: 1.0,
  /** Includes $0.20 of point-in-time recovery. */
  tableGbMonth: 0.45,
  s3GbMonth: 0.023,
  logGb: 0.5,
  egressGb: 0.09,
  alarmMetricMonth: 0.1,
  sesOutbound: 100,
  sesInbound: 100,
} as const

/** What each item pays for. */
export const BUYS: Readonly<Partial<Record<keyof typeof PRICES, string>>> = {
  httpApi: 'the request at the gateway',
  logGb: 'a line of the access log',
  sqsRequests: 'queue entries: put, taken and deleted, or told by SNS',
  snsPublishes: 'what SES tells',
  lambdaRequests: 'invocations, fewer when entries come in batches',
  lambdaGbSeconds: 'their time, most of it waits for AWS',
  tableWrites: 'rows of the message, its content, its events and what is due',
  tableReads: 'keys, accounts and rows that workers look at',
  tableGbMonth: 'rows for a month, with point-in-time recovery',
  s3Writes: "SES's PUT of the message",
  s3Reads: 'the message, read once',
  s3GbMonth: 'the raw message for a month',
  egressGb: 'requests to the endpoint',
}

/** Assumed time of AWS's own services, in milliseconds; the meter sleeps it, because it cannot be measured here. */
export const LATENCY_MS = { table: 4, queue: 8, blob: 25, relay: 90, endpoint: 100 } as const
/** CPU of one call through the SDK (signing, JSON, TLS) on one core; the port below it is in memory here. */
export const SDK_CALL_CPU_MS = 0.4
/** By how much a Graviton core is slower than the one that runs this. */
export const CPU_FACTOR = 1.5
/** Memory at which a function has one whole core. */
export const WHOLE_CORE_MB = 1769
/** One line of the gateway's access log. */
export const ACCESS_LOG_BYTES = 500
/** Bytes that a webhook of 2 KB sends on the wire, with headers and the frames of TLS. */
export const WEBHOOK_BYTES = 3 * 1024
/** Long polls that an event source mapping keeps open at an idle queue, whatever its concurrency. */
export const IDLE_POLLERS = 5
export const LONG_POLL_SECONDS = 20

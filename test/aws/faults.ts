/** Selects the next requests of an operation for a fault. */
export type Strike = {
  readonly operation: string
  /** A text that the body must contain, such as the name of a queue. @default any body */
  readonly about?: string
  /** Number of requests. @default 1 */
  readonly times?: number
}
/** `lost answer`: the request is carried out, but answered with 500. */
export type WireFault = 'lost answer' | 'throttled' | 'unavailable'

/** Returns the first fault for a request, and counts it. */
export function strike<T extends Strike>(faults: T[], operation: string, body: string): T | undefined {
  const index = faults.findIndex((one) => one.operation === operation && body.includes(one.about ?? ''))
  const fault = faults[index]
  if (fault === undefined) return undefined
  const { times = 1 } = fault
  faults.splice(index, 1, ...(times > 1 ? [{ ...fault, times: times - 1 }] : []))
  return fault
}

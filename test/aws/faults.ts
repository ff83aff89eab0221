/** Which requests something goes wrong with: the next ones of an operation. */
export type Strike = {
  readonly operation: string
  /** Only for requests whose body contains this, such as the name of a queue. @default every one */
  readonly about?: string
  /** Requests that it strikes. @default 1 */
  readonly times?: number
}
/** `lost answer`: done, but the caller hears 500. */
export type WireFault = 'lost answer' | 'throttled' | 'unavailable'

/** Takes the first that strikes, once. */
export function strike<T extends Strike>(faults: T[], operation: string, body: string): T | undefined {
  const index = faults.findIndex((one) => one.operation === operation && body.includes(one.about ?? ''))
  const fault = faults[index]
  if (fault === undefined) return undefined
  const { times = 1 } = fault
  faults.splice(index, 1, ...(times > 1 ? [{ ...fault, times: times - 1 }] : []))
  return fault
}

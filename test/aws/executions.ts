/** Lambda's limit of concurrent executions in an account: 10 in a new one. */
export type Executions = {
  readonly limit: number
  running: number
  /** The most that ran at a time. */
  peak: number
  /** Invocations that were refused. */
  refused: number
}

/** Lambda's answer 429 to an invocation beyond the limit. */
export class TooManyRequests extends Error {
  override readonly name = 'TooManyRequestsException'
}

export const executionsUpTo = (limit: number): Executions => ({ limit, running: 0, peak: 0, refused: 0 })

/** Runs `work` as one of the executions. @throws {TooManyRequests} at once if there are as many as the account may have */
export async function execute<T>(executions: Executions, work: () => Promise<T>): Promise<T> {
  if (executions.running >= executions.limit) {
    executions.refused++
    throw new TooManyRequests('Rate Exceeded.')
  }
  executions.running++
  executions.peak = Math.max(executions.peak, executions.running)
  try {
    return await work()
  } finally {
    executions.running--
  }
}

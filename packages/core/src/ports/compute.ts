/**
 * Runs work that would hold the event loop, such as composing a large message. A Lambda function serves one request at a
 * time and does it at once; the single process gives large work to threads.
 */
export type Job<Input, Output> = {
  /** Names the job to another thread. No other job has the name. */
  readonly name: string
  /** A pure function of plain data: another thread gets a copy of it, and an error that it throws loses its class. */
  run(input: Input): Output | Promise<Output>
  /** Bytes of input below which the job takes some ten milliseconds at most, and is done at once. */
  readonly largeBytes: number
}

export interface Compute {
  /**
   * Runs a job whose input is about `bytes` long. The arrays in `moved` may go to another thread without a copy: the caller
   * must not use them or their buffer any more.
   * @throws {JobError} if the job took too long or too much memory
   * @throws {MailError} `busy` if too many jobs wait, or the process ends
   */
  run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    bytes: number,
    moved?: readonly Uint8Array[],
  ): Promise<Output>
}
export type ComputePorts = { readonly compute: Compute }

/** A job that did not end: its input takes too long or too much memory, so that another try would end the same way. */
export class JobError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'JobError'
  }
}

/** Answers undefined for a job that did not end. */
export async function unlessTooHard<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof JobError) return undefined
    throw error
  }
}

/** Runs every job at once, in the thread of the caller. */
export const directCompute: Compute = { run: async (job, input) => job.run(input) }

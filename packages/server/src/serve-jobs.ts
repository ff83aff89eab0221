import type { Job } from '@kabutar/core/ports/compute.ts'
import Tinypool from 'tinypool'

type AnyJob = Pick<Job<never, unknown>, 'name' | 'run'>

/** Tells a thread what to do. */
export type Task = { readonly name: string; readonly input: unknown }

/**
 * Makes the function by which a thread of compute-pool.ts does the jobs. It answers what a job throws, so that the pool can
 * tell it from a failure of the thread. Bytes that fill their buffer are not copied.
 */
export function serveJobs(jobs: readonly AnyJob[]): (task: Task) => Promise<unknown> {
  const byName = new Map(jobs.map((job) => [job.name, job]))
  return async ({ name, input }) => {
    const job = byName.get(name)
    if (job === undefined) return new Error(`no thread knows the job ${name}`)
    try {
      const output = await job.run(input as never)
      const isWhole = output instanceof Uint8Array && output.byteLength === output.buffer.byteLength
      return isWhole ? Tinypool.move(output) : output
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }
}

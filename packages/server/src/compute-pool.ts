import { isMarkedAsUntransferable } from 'node:worker_threads'
import { MailError } from '@kabutar/core/errors.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { type Compute, directCompute, type Job, JobError } from '@kabutar/core/ports/compute.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import { Semaphore } from '@kabutar/core/store/semaphore.ts'
import Tinypool from 'tinypool'
import type { Task } from './serve-jobs.ts'

export type ComputePool = Compute & {
  /** Ends the threads; jobs that run or wait are `busy`. */
  close(): Promise<void>
}

type PoolOptions = {
  /** The module that a thread runs. @default that of the server's jobs */
  readonly script?: string
  /** @default 2: large work is rare, and more would only share the processors with the event loop */
  readonly threads?: number
  /** Milliseconds that a job may take, without its wait for a thread. @default 20 s */
  readonly limitMs?: number
  /** Jobs that may wait. @default 256 */
  readonly maxWaiting?: number
  /** Memory of a thread, without buffers. @default 512 MB */
  readonly maxHeapMb?: number
}

const SCRIPT = new URL('./compute-thread.ts', import.meta.url).pathname
const THREADS = 2
/** A thread keeps the memory of its last job until it ends. */
const IDLE_MS = 10_000

/**
 * Runs large jobs in at most two threads, which start when there is work and end after 10 s without it, and small jobs
 * at once. A job past its time or its memory ends its thread, and the next job gets a new one.
 */
export function computePool(clock: Clock, log: Log, options: PoolOptions = {}): ComputePool {
  const { threads: atOnce = THREADS, limitMs = 20_000, maxWaiting = 256 } = options
  const pool = poolOf(log, options)
  const threads = new Semaphore(atOnce, clock)
  let jobs = 0
  let closed = false
  const inThread = async <Input, Output>(job: Job<Input, Output>, input: Input, moved: readonly Uint8Array[]) => {
    if (closed) throw busy()
    const task: Task = { name: job.name, input }
    const signal = AbortSignal.timeout(limitMs)
    const output = await pool.run(task, { transferList: buffersOf(moved), signal }).catch((error) => {
      if (signal.aborted) throw new JobError(`the job ${job.name} took too long`)
      if (error.code === OUT_OF_MEMORY) throw new JobError(`the job ${job.name} took too much memory`)
      throw busy(error)
    })
    if (output instanceof Error) throw output
    return output as Output
  }
  return {
    async run(job, input, bytes, moved = []) {
      if (bytes < job.largeBytes) return directCompute.run(job, input, bytes)
      if (jobs >= atOnce + maxWaiting) throw busy()
      jobs++
      try {
        return await threads.use(1, () => inThread(job, input, moved))
      } finally {
        jobs--
      }
    },
    async close() {
      closed = true
      await pool.destroy()
    },
  }
}

function poolOf(log: Log, { script = SCRIPT, threads = THREADS, maxHeapMb = 512 }: PoolOptions): Tinypool {
  const pool = new Tinypool({
    filename: script,
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: IDLE_MS,
    useAtomics: false,
    // Neither the settings, which hold secrets, nor the flags of the process are for what reads the mail of strangers.
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
  })
  pool.on('error', (error: Error) => log.error('a thread without a job has ended', { error }))
  return pool
}

const OUT_OF_MEMORY = 'ERR_WORKER_OUT_OF_MEMORY'

/** The process ends, or has no room for another thread. */
const busy = (cause?: unknown) =>
  new MailError('busy', 'The server is busy with large messages. Please try again.', { cause })

/** Each buffer once: the attachments of a message are parts of one. Buffers of Node's pool can't be moved. */
function buffersOf(arrays: readonly Uint8Array[]): ArrayBuffer[] {
  const buffers = new Set(arrays.map(({ buffer }) => buffer))
  return [...buffers].filter(
    (buffer) => buffer instanceof ArrayBuffer && !isMarkedAsUntransferable(buffer),
  ) as ArrayBuffer[]
}

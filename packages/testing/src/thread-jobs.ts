/** Jobs for the threads of a pool under test; a thread of the pool runs this module. */
import { threadId } from 'node:worker_threads'
import type { Job } from '@kabutar/core/ports/compute.ts'
import { serveJobs } from '@kabutar/server/serve-jobs.ts'

export const WHERE: Job<string, number> = { name: 'where', largeBytes: 10, run: () => threadId }
export const REVERSED: Job<Uint8Array, Uint8Array> = {
  name: 'reversed',
  largeBytes: 10,
  run: (bytes) => bytes.toReversed(),
}
export const FAIL: Job<string, never> = {
  name: 'fail',
  largeBytes: 10,
  run: (message) => {
    throw new TypeError(message)
  },
}
export const SPIN: Job<string, never> = {
  name: 'spin',
  largeBytes: 10,
  run: () => {
    for (;;);
  },
}
export const FILL: Job<string, number> = {
  name: 'fill',
  largeBytes: 10,
  run: () => {
    const held: number[][] = []
    for (;;) held.push(Array.from({ length: 10_000 }, () => 1.5))
  },
}
export const EXIT: Job<string, never> = { name: 'exit', largeBytes: 10, run: () => process.exit(7) }
export const ENVIRONMENT: Job<string, string> = {
  name: 'environment',
  largeBytes: 10,
  run: () => JSON.stringify(process.env),
}

export default serveJobs([WHERE, REVERSED, FAIL, SPIN, FILL, EXIT, ENVIRONMENT])

import { enqueue, manyRows, rows } from './access.ts'
import type { Settled } from './settings.ts'
import type { Storage } from './storage.ts'
import { type Worker, workOff, workQueue } from './worker.ts'

const TIMEOUT_SECONDS = 60

/** Declares the webhook queue, with an entry for each endpoint and event, and the worker that signs and posts it. */
export function webhooks({ memory, concurrency }: Settled, { table }: Storage) {
  const work = workQueue('Webhooks', TIMEOUT_SECONDS)
  const worker = workOff(work, {
    handler: 'functions/notify.handler',
    timeoutSeconds: TIMEOUT_SECONDS,
    environment: { KABUTAR_TABLE: table.name, KABUTAR_WEBHOOK_QUEUE: work.queue.url },
    permissions: [...rows(table), ...manyRows(table), ...enqueue(work.queue)],
    memory: memory.webhooks,
    concurrency: concurrency.webhooks,
  })
  allowRecursion('Webhooks', worker)
  return { ...worker, environment: { KABUTAR_WEBHOOK_QUEUE: work.queue.url } }
}

/**
 * Lets the worker queue an entry to its own queue more than 16 times in a chain. By default Lambda stops such a chain and
 * moves the entry to the dead letters. Ours ends by itself: each entry counts its attempts.
 */
function allowRecursion(name: string, { functionName }: Worker): void {
  new aws.lambda.FunctionRecursionConfig(`${name}Recursion`, { functionName, recursiveLoop: 'Allow' })
}

export type Webhooks = ReturnType<typeof webhooks>

/** `npm run redrive -- --stage production [--queue send]` moves dead letters back to the queue that they came from. */
import { sqsClient, sqsQueue } from '@kabutar/aws/sqs/queue.ts'
import type { Queue } from '@kabutar/core/ports/queue.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { type Arguments, type Command, runCommand, UsageError } from '@kabutar/server/command-line.ts'
import { deadLettersOf } from './aws-stage.ts'

const COMMAND: Command = {
  usage: ['npm run redrive -- --stage production [--queue NAME]'],
  does: 'Moves dead letters of a stage on AWS back to the queue that they came from.',
  options: {
    stage: { meaning: 'the stage' },
    queue: { meaning: 'send, feedback, receive, reconcile or webhooks; all of them if it is left out' },
  },
}
const BATCH = 10
const MAX_BATCHES = 100_000
const VISIBILITY_MS = 60_000

/**
 * Moves all entries, ten at a time, until the queue is empty. It sends them before it removes them, so that a crash in
 * between loses none.
 */
export async function redrive(from: Queue, to: Queue): Promise<number> {
  let moved = 0
  for (let batches = 0; batches < MAX_BATCHES; batches++) {
    const letters = await from.receive({ max: BATCH, visibilityMs: VISIBILITY_MS, waitMs: 1000 })
    if (letters.length === 0) return moved
    await to.send(letters.map(({ body }) => ({ body })))
    await from.settle(letters.map((delivery) => ({ delivery, ok: true })))
    moved += letters.length
  }
  return moved
}

async function main({ options }: Arguments): Promise<void> {
  if (options.stage === undefined) throw new UsageError('--stage is missing; --help shows the usage')
  const client = sqsClient()
  const queue = (url: string) => sqsQueue(client, url, { maxAttempts: 5, clock: systemClock })
  const all = await deadLettersOf(client, options.stage)
  const chosen = all.filter(({ name }) => options.queue === undefined || name === options.queue)
  if (chosen.length === 0) throw new Error(`no such queue in stage ${options.stage}; --help lists them`)
  for (const { name, from, to } of chosen) {
    process.stdout.write(`${name}: ${await redrive(queue(from), queue(to))} entries moved\n`)
  }
}

if (import.meta.main) await runCommand(COMMAND, main)

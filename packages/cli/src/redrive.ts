/** `npm run redrive` shows dead letters, of a data folder or of a stage on AWS, and moves them back to their queues. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sqsClient } from '@kabutar/aws/sqs/queue.ts'
import type { DeadLetter } from '@kabutar/core/ports/dead-letters.ts'
import { sqliteDeadLetters } from '@kabutar/local/sqlite/dead-letters.ts'
import { openEngine } from '@kabutar/local/sqlite/engine.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { type Arguments, type Command, runCommand, UsageError } from '@kabutar/server/command-line.ts'
import { redriveStage } from './aws-redrive.ts'
import { askServer, NoServerError } from './operator.ts'

const COMMAND: Command = {
  usage: [
    'npm run redrive -- [ID…] [--queue NAME]',
    'npm run redrive -- list',
    'npm run redrive -- show ID',
    'npm run redrive -- drop ID',
    'npm run redrive -- --stage production [--queue NAME]',
  ],
  does: 'Moves dead letters back to the queue that they came from; lists, shows or deletes them. It asks the running server. If none runs on the data folder it opens the folder itself, which no other process can meanwhile.',
  options: {
    queue: { meaning: 'send, receive or webhooks, on AWS feedback or reconcile too; all of them if it is left out' },
    data: { meaning: 'the data folder', initial: './data', variable: 'KABUTAR_DATA' },
    stage: { meaning: 'a stage on AWS, in place of a data folder' },
  },
}
const MOST = 100

/** The names of the wire, which the command prints. */
type Letter = {
  readonly id: string
  readonly queue: string
  readonly queued_at: string
  readonly reason: string | null
  readonly entry?: string
}
/** Reads and changes the dead letters of a data folder, by the running server or in the folder itself. */
type DeadLetters = {
  list(): Promise<readonly Letter[]>
  show(id: string): Promise<Letter>
  drop(id: string): Promise<unknown>
  redrive(id: string): Promise<unknown>
  redriveAll(queue: string | undefined): Promise<number>
}

function ofServer(data: string): DeadLetters {
  const path = (id: string) => `/dead-letters/${encodeURIComponent(id)}`
  return {
    list: async () => (await askServer<{ readonly data: readonly Letter[] }>(data, 'GET', '/dead-letters')).data,
    show: (id) => askServer<Letter>(data, 'GET', path(id)),
    drop: (id) => askServer(data, 'DELETE', path(id)),
    redrive: (id) => askServer(data, 'POST', `${path(id)}/redrive`, {}),
    async redriveAll(queue) {
      const body = queue === undefined ? {} : { queue }
      return (await askServer<{ readonly redriven: number }>(data, 'POST', '/dead-letters/redrive', body)).redriven
    },
  }
}

/** @throws {Error} one line, if there is no database, or a process holds the folder */
function ofFolder(data: string): DeadLetters & Disposable {
  if (!existsSync(join(data, 'kabutar.db')))
    throw new Error(`there is no database in ${data}; name another with --data`)
  const engine = openEngine(data)
  const dead = sqliteDeadLetters(engine, systemClock)
  const there = <T>(found: T | undefined | false): T => {
    if (found === undefined || found === false) throw new Error('Dead letter not found')
    return found
  }
  return {
    list: async () => (await dead.list(MOST)).map(shown),
    async show(id) {
      const letter = there(await dead.get(id))
      return { ...shown(letter), entry: letter.body }
    },
    drop: async (id) => there(await dead.drop(id)),
    redrive: async (id) => there(await dead.redrive(id)),
    redriveAll: (queue) => dead.redriveAll(queue),
    [Symbol.dispose]: () => engine.close(),
  }
}

const shown = ({ id, queue, sentAt, reason }: DeadLetter): Letter => {
  return { id, queue, queued_at: new Date(sentAt).toISOString(), reason }
}

async function onFolder(data: string, words: readonly string[], queue: string | undefined): Promise<void> {
  try {
    return await run(ofServer(data), words, queue)
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error
  }
  using folder = ofFolder(data)
  await run(folder, words, queue)
}

async function run(dead: DeadLetters, words: readonly string[], queue: string | undefined): Promise<void> {
  const print = (line: string) => process.stdout.write(`${line}\n`)
  const [verb, id, ...rest] = words
  if (verb === undefined) print(`${await dead.redriveAll(queue)} entries moved`)
  else if (verb === 'list' && id === undefined) {
    for (const { id, queue, queued_at, reason } of await dead.list()) {
      print(`${id}  ${queue}  ${queued_at}  ${reason ?? 'the process died'}`)
    }
  } else if (verb === 'show' && id !== undefined && rest.length === 0) {
    print(JSON.stringify(await dead.show(id), null, 2))
  } else if (verb === 'drop' && id !== undefined && rest.length === 0) {
    await dead.drop(id)
    print(`${id} is deleted`)
  } else if (words.every((word) => /^\d+$/.test(word))) {
    for (const one of words) await dead.redrive(one)
    print(`${words.length} entries moved`)
  } else throw new UsageError('unknown command; --help shows the usage')
}

async function onStage(stage: string, wanted: string | undefined): Promise<void> {
  for (const { name, entries } of await redriveStage(sqsClient(), systemClock, stage, wanted)) {
    process.stdout.write(`${name}: ${entries} entries moved\n`)
  }
}

async function main({ options, words }: Arguments): Promise<void> {
  const { stage, queue, data = process.env.KABUTAR_DATA ?? './data' } = options
  if (stage === undefined) return onFolder(data, words, queue)
  if (words.length > 0)
    throw new UsageError('with --stage, dead letters can only be moved back; --help shows the usage')
  await onStage(stage, queue)
}

if (import.meta.main) await runCommand(COMMAND, main)

import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { DeadLetter, DeadLetters } from '@kabutar/core/ports/dead-letters.ts'
import { type Engine, reading } from './engine.ts'
import { deadLettersOf } from './queue-entries.ts'

const SUFFIX = deadLettersOf('')
const IS_DEAD = `queue LIKE '%${SUFFIX}'`
const ORIGIN = `substr(queue, 1, length(queue) - ${SUFFIX.length})`
const COLUMNS = `CAST(id AS TEXT) AS id, ${ORIGIN} AS queue, sent_at AS sentAt, body, reason`
const COUNT = `SELECT ${ORIGIN} AS queue, count(*) AS entries FROM queue_entry WHERE ${IS_DEAD} GROUP BY queue`
const LIST = `SELECT ${COLUMNS} FROM queue_entry WHERE ${IS_DEAD} ORDER BY id LIMIT ?`
const GET = `SELECT ${COLUMNS} FROM queue_entry WHERE id = ? AND ${IS_DEAD}`
const REDRIVE = `UPDATE queue_entry SET queue = ${ORIGIN}, visible_at = ?, lease = NULL WHERE ${IS_DEAD}`
const DROP = `DELETE FROM queue_entry WHERE id = ? AND ${IS_DEAD}`

/** The dead letters of all queues of an engine. An entry that is moved back wakes a consumer of its queue. */
export function sqliteDeadLetters(engine: Engine, clock: Clock): DeadLetters {
  const change = async (sql: string, ...values: readonly (string | number)[]) =>
    Number((await engine.commit(() => engine.statement(sql).run(...values))).changes)
  const redriven = (changes: number) => {
    for (const waiters of engine.waiters.values()) waiters.wakeOne()
    return changes
  }
  return {
    count: async () => {
      const rows = reading(() => engine.statement(COUNT).all()) as { queue: string; entries: number }[]
      return new Map(rows.map(({ queue, entries }) => [queue, entries]))
    },
    list: async (limit) => reading(() => engine.statement(LIST).all(limit)) as unknown as DeadLetter[],
    get: async (id) => reading(() => engine.statement(GET).get(numberOf(id))) as DeadLetter | undefined,
    redrive: async (id) => redriven(await change(`${REDRIVE} AND id = ?`, clock.now(), numberOf(id))) > 0,
    redriveAll: async (queue) =>
      redriven(
        queue === undefined
          ? await change(REDRIVE, clock.now())
          : await change(`${REDRIVE} AND queue = ?`, clock.now(), deadLettersOf(queue)),
      ),
    drop: async (id) => (await change(DROP, numberOf(id))) > 0,
  }
}

/** The number of an entry; -1, which no entry has, for what is none. */
const numberOf = (id: string) => (/^\d{1,15}$|^\d{16}$/.test(id) ? Number(id) : -1)

import { MailError } from '@kabutar/core/errors.ts'
import type { DeadLetter, DeadLetters } from '@kabutar/core/ports/dead-letters.ts'
import { Hono } from 'hono'
import * as z from 'zod'
import { type OperatorAccess, operatorRequired } from './auth.ts'
import { jsonBody } from './body.ts'
import type { Env } from './env.ts'
import { listOf } from './page.ts'

/** The most that a list shows. */
export const MOST_LISTED = 100

export const RedriveRequest = z
  .object({ queue: z.enum(['send', 'receive', 'webhooks']).optional() })
  .meta({ id: 'RedriveDeadLetters' })

/** The dead letters, for the operator. */
export function deadLetters(dead: DeadLetters, operator: OperatorAccess) {
  return new Hono<Env>()
    .use(operatorRequired(operator))
    .get('/', async (c) => {
      const found = await dead.list(MOST_LISTED + 1)
      return c.json(listOf(found.slice(0, MOST_LISTED).map(shown), found.length > MOST_LISTED))
    })
    .post('/redrive', async (c) => {
      const { queue } = await jsonBody(c, RedriveRequest)
      return c.json({ object: 'dead_letters', redriven: await dead.redriveAll(queue) })
    })
    .get('/:id', async (c) => {
      const letter = await dead.get(c.req.param('id'))
      if (letter === undefined) throw notFound()
      return c.json({ object: 'dead_letter', ...shown(letter), entry: letter.body })
    })
    .post('/:id/redrive', async (c) => {
      const id = c.req.param('id')
      if (!(await dead.redrive(id))) throw notFound()
      return c.json({ object: 'dead_letter', id })
    })
    .delete('/:id', async (c) => {
      const id = c.req.param('id')
      if (!(await dead.drop(id))) throw notFound()
      return c.json({ object: 'dead_letter', id, deleted: true })
    })
}

const shown = ({ id, queue, sentAt, reason }: DeadLetter) => ({
  id,
  queue,
  queued_at: new Date(sentAt).toISOString(),
  reason,
})
const notFound = () => new MailError('not_found', 'Dead letter not found')

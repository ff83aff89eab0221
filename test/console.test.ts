/** The console imports no other package, so the lists that it repeats are compared with those of core here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SentStatus } from '@kabutar/console/api/messages.ts'
import { en } from '@kabutar/console/i18n/en.ts'
import { EVENT_TYPES as OFFERED } from '@kabutar/console/webhooks/event-types.ts'
import { RECIPIENT_STATUSES, type RecipientStatus } from '@kabutar/core/messages/message.ts'
import { EVENT_TYPES } from '@kabutar/core/webhooks/event.ts'

test('the console offers every event type that is sent, and no other', () => {
  assert.deepEqual(OFFERED, EVENT_TYPES)
})

test('the console has a text for every status', () => {
  const statuses: readonly SentStatus[] = RECIPIENT_STATUSES
  const known: readonly RecipientStatus[] = statuses
  assert.deepEqual(
    known.filter((status) => !(`status.${status}` in en)),
    [],
  )
})

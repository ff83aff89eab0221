import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Summary } from '../api/messages.ts'
import { filterOf, matches, parseSearch, queryOf } from './filter.ts'
import { groupsOf } from './recipient-groups.ts'

const summary = (fields: Partial<Summary>): Summary => ({
  id: '1',
  direction: 'sent',
  captured: false,
  from: 'Ada <ada@kabutar.test>',
  to: ['bob@x.test'],
  cc: [],
  bcc: [],
  subject: 'Your code',
  preview: '',
  tags: [],
  created_at: '2026-11-30T12:00:00.000Z',
  last_event: 'delivered',
  size: null,
  attachments: 0,
  recipients: [{ address: 'bob@x.test', last_event: 'delivered' }],
  recipients_count: 1,
  next_attempt_at: null,
  ...fields,
})

test('the search field has words, and addresses by to: and from:, and a tag', () => {
  assert.deepEqual(parseSearch('to:bob your  FROM:ada tag:flow:sign-in code'), {
    to: 'bob',
    from: 'ada',
    tag: 'flow:sign-in',
    words: 'your code',
  })
  assert.deepEqual(parseSearch(''), { to: '', from: '', tag: '', words: '' })
})

test('a chip and a search become parameters of the API', () => {
  const query = queryOf(filterOf({ path: [], query: { show: 'failed', q: 'to:bob hello' } }))
  assert.deepEqual(query, {
    direction: undefined,
    status: 'failed,bounced,suppressed,complained',
    to: 'bob',
    from: '',
    tag: '',
    q: 'hello',
  })
  assert.equal(queryOf(filterOf({ path: [], query: { show: 'captured' } })).direction, 'captured')
  assert.equal(filterOf({ path: [], query: { show: 'nonsense' } }).chip, 'all')
})

test('a message that comes is in the list if the API would list it', () => {
  const cases: readonly [query: { show?: string; q?: string }, message: Partial<Summary>, fits: boolean][] = [
    [{}, {}, true],
    [{ show: 'received' }, {}, false],
    [{ show: 'received' }, { direction: 'received', last_event: null }, true],
    [{ show: 'captured' }, {}, false],
    [{ show: 'captured' }, { captured: true }, true],
    [{ show: 'failed' }, { last_event: 'bounced' }, true],
    [{ show: 'failed' }, { last_event: 'sent' }, false],
    [{ q: 'to:BOB' }, {}, true],
    [{ q: 'to:bob' }, { to: [], bcc: ['bob@x.test'] }, true],
    [{ q: 'to:eve' }, {}, false],
    [{ q: 'from:ada code YOUR' }, {}, true],
    [{ q: 'code again' }, {}, false],
    [{ q: 'code again' }, { preview: 'Once Again' }, true],
    [{ q: 'code bob@x' }, {}, true],
    [{ q: 'tag:flow:SIGN' }, { tags: [{ name: 'flow', value: 'sign-in' }] }, true],
    [{ q: 'tag:flow' }, {}, false],
  ]
  for (const [query, message, fits] of cases) {
    assert.equal(matches(filterOf({ path: [], query }), summary(message)), fits, JSON.stringify([query, message]))
  }
})

test('groups count each recipient once for each message', () => {
  const rows = [
    summary({
      id: '2',
      recipients: [
        { address: 'Bob@x.test', last_event: null },
        { address: 'eve@x.test', last_event: null },
      ],
    }),
    summary({ id: '1', created_at: '2026-11-29T12:00:00.000Z' }),
  ]
  assert.deepEqual(groupsOf(rows, new Set(['2'])), [
    { address: 'bob@x.test', count: 2, unread: 1, latest: '2026-11-30T12:00:00.000Z' },
    { address: 'eve@x.test', count: 1, unread: 1, latest: '2026-11-30T12:00:00.000Z' },
  ])
})

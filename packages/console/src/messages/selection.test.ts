import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signal } from '@preact/signals'
import type { Summary } from '../api/messages.ts'
import { Selection } from './selection.ts'

const rowsOf = (ids: string) => Array.from(ids, (id) => ({ id }) as Summary)

function rig(ids = 'abcdef') {
  const rows = signal<readonly Summary[]>(rowsOf(ids))
  const selection = new Selection(rows)
  const selected = () => selection.messages.value.map(({ id }) => id).join('')
  return { rows, selection, selected }
}

test('rows are selected one by one and taken out again, in the order of the list', () => {
  const { selection, selected } = rig()
  for (const id of 'dabd') selection.toggle(id)
  assert.equal(selected(), 'ab')
})

test('a range goes from the row that was selected last, in either direction, and can grow', () => {
  const { selection, selected } = rig()
  selection.toggle('c')
  selection.extendTo('e', 'a')
  assert.equal(selected(), 'cde')
  selection.extendTo('b', 'a')
  assert.equal(selected(), 'bcde')
})

test('a range without an earlier selection goes from the open message, or is one row', () => {
  const open = rig()
  open.selection.extendTo('d', 'b')
  assert.equal(open.selected(), 'bcd')
  const none = rig()
  none.selection.extendTo('d', undefined)
  assert.equal(none.selected(), 'd')
})

test('what leaves the list is not selected any more, and what comes is not selected', () => {
  const { rows, selection, selected } = rig('abc')
  selection.all()
  rows.value = rowsOf('xac')
  assert.equal(selected(), 'ac')
  selection.clear()
  assert.equal(selected(), '')
})

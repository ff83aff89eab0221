import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError } from '../ports/table.ts'
import { formatOf, readRow, row } from './codec.ts'
import { ROWS, sentMessageKey } from './keys.ts'

const KEY = sentMessageKey('a', '019301d8-7c00-7000-8000-000000000003')

test('a row carries its format and is read back', () => {
  const item = row('sent-message', KEY, { subject: 'Hi' })
  assert.deepEqual(item, { ...KEY, format: ROWS['sent-message'].format, subject: 'Hi' })
  assert.equal(readRow('sent-message', item), item)
  assert.deepEqual(formatOf('sent-message'), { format: ROWS['sent-message'].format })
})

test('attributes change neither the key nor the format', () => {
  const item = row('sent-message', KEY, { pk: 'b', sk: 'c', format: 99 })
  assert.deepEqual(item, row('sent-message', KEY, {}))
})

test('a row of another format is refused by its kind and format', () => {
  const cases = [
    {
      name: 'newer',
      item: { ...KEY, format: 99 },
      text: 'a row of kind sent-message has format 99; this version reads format 1',
    },
    { name: 'none', item: KEY, text: 'a row of kind sent-message has no format; this version reads format 1' },
  ]
  for (const { name, item, text } of cases) {
    assert.throws(
      () => readRow('sent-message', item),
      (error) => error instanceof StoreError && error.code === 'UnknownFormat' && error.message === text,
      name,
    )
  }
})

test('a row that is missing has no format to check', () => assert.equal(readRow('sent-message', undefined), undefined))

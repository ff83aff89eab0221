import assert from 'node:assert/strict'
import { outcome, put, putNew, type TestFunction } from '@kabutar/testing/contract.ts'
import type { Key, Table, Update, Write } from './table.ts'

/** Part of tableContract. */
export function transactions(table: () => Table, test: TestFunction): void {
  test('a transaction with failed conditions writes nothing and names them', async () => {
    await table().transact([putNew('tx', '1', { n: 0 }), putNew('tx', '2', { n: 0 })])
    const missing: Write = { kind: 'check', key: { pk: 'tx', sk: '9' }, if: [{ exists: true }] }
    const failing = table().transact([put('tx', '3'), putNew('tx', '1'), missing])
    assert.equal(await outcome(failing), 'ConditionFailed 1 2')
    assert.equal(await table().get({ pk: 'tx', sk: '3' }), undefined)
  })

  test('a transaction puts, updates, deletes and checks at once', async () => {
    await table().transact([putNew('tx2', '1', { n: 0 }), putNew('tx2', '2')])
    await table().transact([
      { kind: 'update', key: { pk: 'tx2', sk: '1' }, add: { n: 1 }, if: [{ attr: 'n', op: '=', value: 0 }] },
      { kind: 'delete', key: { pk: 'tx2', sk: '2' }, if: [{ exists: true }] },
      { kind: 'check', key: { pk: 'tx2', sk: '3' }, if: [{ exists: false }] },
      put('tx2', '4'),
    ])
    assert.deepEqual((await table().query({ pk: 'tx2', limit: 9 })).items, [
      { pk: 'tx2', sk: '1', n: 1 },
      { pk: 'tx2', sk: '4' },
    ])
  })

  test('a token makes a transaction idempotent', async () => {
    const write: Update = { kind: 'update', key: { pk: 'token', sk: '1' }, add: { n: 1 } }
    const token = `token-${Date.now()}`
    await table().transact([write], { token })
    await table().transact([write], { token })
    assert.equal((await table().get(write.key))?.n, 1)
  })

  test('a refused transaction does not use up its token', async () => {
    const write: Update = { kind: 'update', key: { pk: 'token', sk: '2' }, add: { n: 1 }, if: [{ exists: true }] }
    const token = `again-${Date.now()}`
    assert.equal(await outcome(table().transact([write], { token })), 'ConditionFailed 0')
    await table().write(put('token', '2'))
    await table().transact([write], { token })
    assert.equal((await table().get(write.key))?.n, 1)
  })

  test('24 concurrent transactions on the same two rows all succeed', async () => {
    const add = (sk: string): Write => ({ kind: 'update', key: { pk: 'contended', sk }, add: { n: 1 } })
    await Promise.all(Array.from({ length: 24 }, () => table().transact([add('a'), add('b')])))
    for (const sk of ['a', 'b']) assert.equal((await table().get({ pk: 'contended', sk }))?.n, 24)
  })

  test('100 writes fit into a transaction', async () => {
    await table().transact(Array.from({ length: 100 }, (_, n) => put('hundred', String(n))))
    assert.equal((await table().query({ pk: 'hundred', limit: 101 })).items.length, 100)
  })
}

/** Part of tableContract. */
export function refusals(table: () => Table, test: TestFunction): void {
  const key: Key = { pk: 'refused', sk: '1' }
  const long = (bytes: number) => 'é'.repeat(bytes / 2)
  const cases: readonly { name: string; writes: readonly Write[]; code: string }[] = [
    { name: 'a row past 64 KB', writes: [put('refused', '1', { text: 'x'.repeat(65_536) })], code: 'TooLarge' },
    {
      name: 'a row of many small values past 64 KB',
      writes: [put('refused', '1', { list: Array(25_000).fill(1) })],
      code: 'TooLarge',
    },
    { name: 'an empty partition key', writes: [put('', '1')], code: 'Invalid' },
    { name: 'an empty sort key', writes: [put('refused', '')], code: 'Invalid' },
    { name: 'a partition key past 2,048 bytes', writes: [put(long(2050), '1')], code: 'Invalid' },
    { name: 'a sort key past 1,024 bytes', writes: [put('refused', long(1026))], code: 'Invalid' },
    { name: 'an empty index key', writes: [put('refused', '1', { gs1pk: '', gs1sk: 'a' })], code: 'Invalid' },
    { name: 'an index key that is a number', writes: [put('refused', '1', { gs1pk: 'a', gs1sk: 1 })], code: 'Invalid' },
    { name: 'an update of the key', writes: [{ kind: 'update', key, set: { sk: '2' } }], code: 'Invalid' },
    {
      name: 'an attribute named twice',
      writes: [{ kind: 'update', key, set: { a: 1 }, remove: ['a'] }],
      code: 'Invalid',
    },
    { name: 'a check of nothing', writes: [{ kind: 'check', key, if: [] }], code: 'Invalid' },
    {
      name: 'an in of nothing',
      writes: [{ kind: 'delete', key, if: [{ attr: 'a', op: 'in', value: [] }] }],
      code: 'Invalid',
    },
  ]
  for (const { name, writes, code } of cases) {
    test(`refused: ${name}`, async () => {
      for (const write of writes) assert.equal(await outcome(table().write(write)), code)
      assert.equal(await outcome(table().transact(writes)), code)
    })
  }

  test('refused: transactions of none, of 101, and of one key twice', async () => {
    assert.equal(await outcome(table().transact([])), 'Invalid')
    const many = Array.from({ length: 101 }, (_, n) => put('refused', String(n)))
    assert.equal(await outcome(table().transact(many)), 'Invalid')
    assert.equal(await outcome(table().transact([put('refused', '1'), { kind: 'delete', key }])), 'Invalid')
    assert.deepEqual(await table().query({ pk: 'refused', limit: 9 }), { items: [] })
  })

  test('refused: reads of bad keys, of 101 rows, and pages of nothing', async () => {
    assert.equal(await outcome(table().get({ pk: '', sk: '1' })), 'Invalid')
    assert.equal(
      await outcome(table().getMany(Array.from({ length: 101 }, (_, n) => ({ pk: 'a', sk: `${n}` })))),
      'Invalid',
    )
    assert.equal(await outcome(table().query({ pk: 'a', limit: 0 })), 'Invalid')
    assert.equal(await outcome(table().query({ pk: '', limit: 1 })), 'Invalid')
  })

  test('refused: adding to an attribute that is no number; nothing is written', async () => {
    await table().write(put('no number', '1', { text: 'a', none: null }))
    for (const attr of ['text', 'none']) {
      const write: Update = { kind: 'update', key: { pk: 'no number', sk: '1' }, set: { done: 1 }, add: { [attr]: 1 } }
      assert.equal(await outcome(table().write(write)), 'Invalid')
    }
    assert.deepEqual(await table().get({ pk: 'no number', sk: '1' }), {
      pk: 'no number',
      sk: '1',
      text: 'a',
      none: null,
    })
  })
}

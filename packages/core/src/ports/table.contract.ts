import assert from 'node:assert/strict'
import { before, describe } from 'node:test'
import { outcome, put, putNew, type Skips, type TestFunction, testUnless } from '@kabutar/testing/contract.ts'
import type { Key, Table, Update, Write } from './table.ts'
import { expiry, index, queries } from './table-reads.contract.ts'
import { refusals, transactions } from './table-refusals.contract.ts'

type Open = () => Promise<{ readonly table: Table }>

/**
 * Tests of every adapter of Table. One store is opened for the suite; each test has partitions of its own. `skips`: names of
 * tests, each with its reason; for a stand-in that is known to be wrong, never for an adapter.
 */
export function tableContract(adapter: string, open: Open, skips: Skips = {}): void {
  const test = testUnless(skips)
  describe(`${adapter} keeps the Table contract`, () => {
    let table: Table
    before(async () => {
      ;({ table } = await open())
    })
    writes(() => table, test)
    transactions(() => table, test)
    queries(() => table, test)
    index(() => table, test)
    expiry(() => table, test)
    refusals(() => table, test)
  })
}

function writes(table: () => Table, test: TestFunction): void {
  test('a put answers and keeps the row as it was given', async () => {
    const item = {
      pk: 'put',
      sk: '1',
      text: 'é 😀 "\\',
      n: -1.5,
      yes: true,
      none: null,
      list: [1, ['a'], {}],
      map: { a: { b: [] } },
    }
    assert.deepEqual(await table().write({ kind: 'put', item }), item)
    assert.deepEqual(await table().get({ pk: 'put', sk: '1' }), item)
    await table().write(put('put', '1', { other: 1 }))
    assert.deepEqual(await table().get({ pk: 'put', sk: '1' }), { pk: 'put', sk: '1', other: 1 })
    assert.equal(await table().get({ pk: 'put', sk: 'missing' }), undefined)
  })

  test('writes in order stop at the first that is refused, and those before it stay', async () => {
    await table().writeInOrder([putNew('in-order', '1', { n: 1 }), put('in-order', '2', { n: 2 })])
    const refused = table().writeInOrder([
      put('in-order', '3'),
      putNew('in-order', '1', { n: 9 }),
      put('in-order', '4'),
    ])
    assert.match(await outcome(refused), /^ConditionFailed/)
    const rows = await table().getMany(['1', '2', '3', '4'].map((sk) => ({ pk: 'in-order', sk })))
    assert.deepEqual(
      rows.map((row) => row && [row.sk, row.n ?? 0]),
      [['1', 1], ['2', 2], ['3', 0], undefined],
    )
  })

  test('of 32 puts if absent one wins', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 32 }, (_, n) => outcome(table().write(putNew('once', '1', { n })))),
    )
    assert.deepEqual(outcomes.toSorted().slice(0, 2), ['ConditionFailed 0', 'ConditionFailed 0'])
    assert.equal(outcomes.filter((one) => one === 'ok').length, 1)
    assert.equal((await table().get({ pk: 'once', sk: '1' }))?.n, outcomes.indexOf('ok'))
  })

  test('an update sets, sets once, adds, removes, and creates what is missing', async () => {
    const key: Key = { pk: 'update', sk: '1' }
    const first: Update = {
      kind: 'update',
      key,
      set: { a: { x: [1, null] }, z: null },
      setOnce: { once: 1 },
      add: { n: 2 },
    }
    assert.deepEqual(await table().write(first), { ...key, a: { x: [1, null] }, z: null, once: 1, n: 2 })
    const second: Update = { kind: 'update', key, setOnce: { once: 9, z: 9 }, add: { n: -5 }, remove: ['a', 'never'] }
    assert.deepEqual(await table().write(second), { ...key, z: null, once: 1, n: -3 })
    assert.deepEqual(await table().get(key), { ...key, z: null, once: 1, n: -3 })
  })

  test('64 concurrent adds all count', async () => {
    const key: Key = { pk: 'counter', sk: '1' }
    await Promise.all(Array.from({ length: 64 }, () => table().write({ kind: 'update', key, add: { n: 1 } })))
    assert.equal((await table().get(key))?.n, 64)
  })

  const conditions: readonly { name: string; if: Update['if'] & object; holds: boolean }[] = [
    { name: 'exists', if: [{ exists: true }], holds: true },
    { name: 'exists not', if: [{ exists: false }], holds: false },
    { name: 'number equals', if: [{ attr: 'n', op: '=', value: 2 }], holds: true },
    { name: 'number is below', if: [{ attr: 'n', op: '<', value: 2 }], holds: false },
    { name: 'number is at most', if: [{ attr: 'n', op: '<=', value: 2 }], holds: true },
    { name: 'number is above', if: [{ attr: 'n', op: '>', value: 1.5 }], holds: true },
    { name: 'number is at least', if: [{ attr: 'n', op: '>=', value: 2.5 }], holds: false },
    { name: 'text equals', if: [{ attr: 's', op: '=', value: '\uFFFD' }], holds: true },
    { name: 'text in the order of UTF-8 bytes', if: [{ attr: 's', op: '<', value: '😀' }], holds: true },
    { name: 'in', if: [{ attr: 'n', op: 'in', value: ['2', 1, 2] }], holds: true },
    { name: 'in others', if: [{ attr: 'n', op: 'in', value: ['2', 1] }], holds: false },
    { name: 'present', if: [{ attr: 'null', op: 'present' }], holds: true },
    { name: 'absent', if: [{ attr: 'null', op: 'absent' }], holds: false },
    { name: 'absent and so it is', if: [{ attr: 'zz', op: 'absent' }], holds: true },
    { name: 'a missing attribute compares false', if: [{ attr: 'zz', op: '<', value: 5 }], holds: false },
    { name: 'another type compares false', if: [{ attr: 'n', op: '<', value: 'text' }], holds: false },
    { name: 'another type is not equal', if: [{ attr: 'n', op: '=', value: '2' }], holds: false },
    { name: 'and', if: [{ exists: true }, { attr: 'n', op: '=', value: 3 }], holds: false },
  ]
  for (const condition of conditions) {
    test(`condition: ${condition.name}`, async () => {
      const pk = `condition ${condition.name}`
      await table().write(put(pk, '1', { n: 2, s: '\uFFFD', null: null }))
      const write: Update = { kind: 'update', key: { pk, sk: '1' }, set: { done: true }, if: condition.if }
      assert.equal(await outcome(table().write(write)), condition.holds ? 'ok' : 'ConditionFailed 0')
      assert.equal((await table().get({ pk, sk: '1' }))?.done, condition.holds ? true : undefined)
      const checked = table().write({ kind: 'check', key: { pk, sk: '1' }, if: condition.if })
      assert.equal(await outcome(checked), condition.holds ? 'ok' : 'ConditionFailed 0')
      const replaced = table().write({ ...put(pk, '1', { n: 2 }), if: condition.if } as Write)
      assert.equal(await outcome(replaced), condition.holds ? 'ok' : 'ConditionFailed 0')
    })
  }

  test('a delete answers the old row, and only if its conditions hold', async () => {
    const key: Key = { pk: 'delete', sk: '1' }
    await table().write(put('delete', '1', { n: 1 }))
    const conditional: Write = { kind: 'delete', key, if: [{ attr: 'n', op: '>', value: 1 }] }
    assert.equal(await outcome(table().write(conditional)), 'ConditionFailed 0')
    assert.deepEqual(await table().write({ kind: 'delete', key }), { ...key, n: 1 })
    assert.equal(await table().write({ kind: 'delete', key }), undefined)
    assert.equal(await table().get(key), undefined)
  })

  test('getMany answers in the order asked, also twice the same and the missing', async () => {
    for (const sk of ['a', 'b', 'c']) await table().write(put('many', sk))
    const found = await table().getMany(['c', 'x', 'a', 'c'].map((sk) => ({ pk: 'many', sk })))
    assert.deepEqual(
      found.map((item) => item?.sk),
      ['c', undefined, 'a', 'c'],
    )
    assert.deepEqual(await table().getMany([]), [])
  })
}

import assert from 'node:assert/strict'
import { eventually, outcome, put, putNew, seconds, type TestFunction } from '@kabutar/testing/contract.ts'
import type { Item, Query, Table, Write } from './table.ts'

async function all(table: Table, query: Omit<Query, 'cursor'>): Promise<{ items: Item[]; pages: number }> {
  const items: Item[] = []
  let cursor: string | undefined
  for (let pages = 1; pages <= 100; pages++) {
    const page = await table.query({ ...query, ...(cursor !== undefined && { cursor }) })
    items.push(...page.items)
    cursor = page.cursor
    if (cursor === undefined) return { items, pages }
  }
  throw new Error('paging never ends')
}

/** Part of tableContract. */
export function queries(table: () => Table, test: TestFunction): void {
  test('rows come in the order of their UTF-8 bytes', async () => {
    const keys = ['a', 'Z', 'é', '\uFFFD', '😀', 'a~', 'a😀', '10', '9']
    await Promise.all(keys.map((sk) => table().write(put('order', sk))))
    const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    const found = async (query: Partial<Query>) =>
      (await table().query({ pk: 'order', limit: 50, ...query })).items.map((item) => item.sk)
    assert.deepEqual(await found({}), sorted)
    assert.deepEqual(await found({ prefix: '' }), sorted)
    assert.deepEqual(await found({ reverse: true }), sorted.toReversed())
    assert.deepEqual(await found({ prefix: 'a' }), ['a', 'a~', 'a😀'])
    assert.deepEqual(await found({ prefix: 'a', reverse: true, limit: 2 }), ['a😀', 'a~'])
    assert.deepEqual(await found({ from: 'a~', to: '\uFFFD' }), ['a~', 'a😀', 'é', '\uFFFD'])
    assert.deepEqual(await found({ from: '\uFFFD' }), ['\uFFFD', '😀'])
    assert.deepEqual(await found({ to: '9', reverse: true }), ['9', '10'])
    assert.deepEqual(await found({ from: 'b', to: 'a' }), [])
    assert.deepEqual(await table().query({ pk: 'nothing here', limit: 5 }), { items: [] })
  })

  test('pages are exact, a cursor comes only if there is more, and paging survives inserts and deletes', async () => {
    const sk = (n: number) => String(n).padStart(3, '0')
    await table().transact(Array.from({ length: 20 }, (_, n) => put('pages', sk(n))))
    const keys = Array.from({ length: 20 }, (_, n) => sk(n))
    for (const reverse of [false, true]) {
      const { items, pages } = await all(table(), { pk: 'pages', limit: 5, reverse })
      assert.equal(pages, 4)
      assert.deepEqual(
        items.map((item) => item.sk),
        reverse ? keys.toReversed() : keys,
      )
    }
    const { cursor = '' } = await table().query({ pk: 'pages', limit: 5 })
    await table().transact([
      { kind: 'delete', key: { pk: 'pages', sk: '004' } },
      put('pages', '0041'),
      put('pages', '0001'),
    ])
    const next = await table().query({ pk: 'pages', limit: 3, cursor })
    assert.deepEqual(
      next.items.map((item) => item.sk),
      ['0041', '005', '006'],
    )
  })

  test('a cursor cannot leave the partition that the caller names', async () => {
    await table().transact([
      put('mine', '1'),
      put('mine', '2'),
      put('mine', '3'),
      put('theirs', '2'),
      put('theirs', '3'),
    ])
    const { cursor = '' } = await table().query({ pk: 'mine', limit: 1 })
    const { items } = await table().query({ pk: 'theirs', limit: 9, cursor })
    assert.deepEqual(items, [
      { pk: 'theirs', sk: '2' },
      { pk: 'theirs', sk: '3' },
    ])
    for (const bad of [
      '',
      'zzz',
      Buffer.from('["1","2"]').toString('base64url'),
      Buffer.from('[1]').toString('base64url'),
    ]) {
      assert.equal(await outcome(table().query({ pk: 'mine', limit: 1, cursor: bad })), 'Invalid')
    }
  })

  test('a page of rows past one megabyte is whole', async () => {
    const text = 'x'.repeat(60_000)
    for (let n = 10; n < 40; n++) await table().write(put('large', String(n), { text }))
    assert.equal((await table().query({ pk: 'large', limit: 30 })).items.length, 30)
    assert.equal((await all(table(), { pk: 'large', limit: 20 })).pages, 2)
  })
}

/** Part of tableContract. */
export function index(table: () => Table, test: TestFunction): void {
  const entry = (n: number, gs1pk: string, gs1sk: string) =>
    put(`${gs1pk} ${n}`, '1', { gs1pk, gs1sk, more: 'not in the index' })

  test('the index answers keys only, pages through ties without loss, and leaves out rows without its keys', async () => {
    const ttl = seconds() + 1000
    for (let n = 0; n < 12; n++) await table().write(entry(n, 'ties', n < 8 ? 'same' : `z${n}`))
    await table().write(put('ties 12', '1', { gs1pk: 'ties' }))
    await table().write(put('ties 13', '1', { gs1pk: 'ties', gs1sk: 'zz', ttl, more: 1 }))
    await eventually(async () => {
      const { items } = await all(table(), { pk: 'ties', index: 'gs1', limit: 3 })
      const backwards = await all(table(), { pk: 'ties', index: 'gs1', limit: 3, reverse: true })
      assert.equal(new Set(items.map((item) => item.pk)).size, 13)
      assert.deepEqual(new Set(backwards.items.map((item) => item.pk)), new Set(items.map((item) => item.pk)))
      assert.deepEqual(
        items.map((item) => item.gs1sk),
        items.map((item) => item.gs1sk).toSorted(),
      )
      assert.deepEqual(items[11], { pk: 'ties 9', sk: '1', gs1pk: 'ties', gs1sk: 'z9' })
      assert.deepEqual(items[12], { pk: 'ties 13', sk: '1', gs1pk: 'ties', gs1sk: 'zz', ttl })
    })
  })

  test('the index follows updates, puts and deletes, and is read by bounds', async () => {
    for (let n = 0; n < 5; n++) await table().write(entry(n, 'moves', `${n}0`))
    await table().write({ kind: 'update', key: { pk: 'moves 0', sk: '1' }, remove: ['gs1pk', 'gs1sk'] })
    await table().write({ kind: 'update', key: { pk: 'moves 1', sk: '1' }, set: { gs1sk: '35' } })
    await table().write({ kind: 'delete', key: { pk: 'moves 2', sk: '1' } })
    const found = async (query: Partial<Query>) =>
      (await table().query({ pk: 'moves', index: 'gs1', limit: 9, ...query })).items.map((item) => item.gs1sk)
    await eventually(async () => {
      assert.deepEqual(await found({}), ['30', '35', '40'])
      assert.deepEqual(await found({ to: '35' }), ['30', '35'])
      assert.deepEqual(await found({ from: '31', reverse: true }), ['40', '35'])
      assert.deepEqual(await found({ prefix: '3' }), ['30', '35'])
    })
    assert.equal((await table().get({ pk: 'moves 0', sk: '1' }))?.more, 'not in the index')
  })
}

/** Part of tableContract. */
export function expiry(table: () => Table, test: TestFunction): void {
  test('an expired row is invisible though it is not deleted', async () => {
    const ttl = seconds() - 10
    await table().write(put('expired', '1', { ttl, gs1pk: 'expired', gs1sk: '1' }))
    await table().write(put('expired', '2', { ttl: seconds() + 1000, gs1pk: 'expired', gs1sk: '2' }))
    const keys = ['1', '2'].map((sk) => ({ pk: 'expired', sk }))
    assert.equal(await table().get({ pk: 'expired', sk: '1' }), undefined)
    assert.deepEqual(
      (await table().getMany(keys)).map((item) => item?.sk),
      [undefined, '2'],
    )
    assert.deepEqual(
      (await table().query({ pk: 'expired', limit: 1 })).items.map((item) => item.sk),
      ['2'],
    )
    await eventually(async () => {
      const page = await table().query({ pk: 'expired', index: 'gs1', limit: 9 })
      assert.deepEqual(
        page.items.map((item) => item.sk),
        ['2'],
      )
    })
    const ifThere: Write = { kind: 'update', key: { pk: 'expired', sk: '1' }, set: { a: 1 }, if: [{ exists: true }] }
    assert.equal(await outcome(table().write(ifThere)), 'ConditionFailed 0')
    assert.equal(await table().write({ kind: 'delete', key: { pk: 'expired', sk: '1' } }), undefined)
  })

  test('a put if absent wins over an expired row, alone and in a transaction', async () => {
    for (const sk of ['1', '2']) await table().write(put('over', sk, { ttl: seconds() - 10, old: true }))
    await table().write(putNew('over', '1', { v: 2 }))
    await table().transact([putNew('over', '2', { v: 2 })])
    assert.deepEqual((await table().query({ pk: 'over', limit: 9 })).items, [
      { pk: 'over', sk: '1', v: 2 },
      { pk: 'over', sk: '2', v: 2 },
    ])
    assert.equal(await outcome(table().transact([putNew('over', '2', { v: 3 })])), 'ConditionFailed 0')
  })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unflow } from './flowed.ts'

const CASES: readonly (readonly [name: string, text: string, deleteSpace: boolean, unflowed: string])[] = [
  ['a line that ends in a blank goes on', 'a \nb \nc\nd', false, 'a b c\nd'],
  ['without the blank where that was added too', 'a \nb', true, 'ab'],
  ['empty lines stay', 'a\n\n\nb\n', false, 'a\n\n\nb\n'],
  ['a stuffed line', ' From here\n > no quote', false, 'From here\n> no quote'],
  ['quotes go on by themselves', '> a \n> b\nc', false, '> a b\nc'],
  ['quotes of two depths', '>> a \n> b\n>c', false, '>> a \n> b\n> c'],
  ['a signature ends a paragraph and begins none', 'a \n-- \nAda', false, 'a \n-- \nAda'],
  ['a quoted signature', '> a \n> -- \n> Ada', false, '> a \n> -- \n> Ada'],
  ['the last line may be open', 'a ', false, 'a '],
]

for (const [name, text, deleteSpace, unflowed] of CASES) {
  test(`format=flowed: ${name}`, () => assert.equal(unflow(text, deleteSpace), unflowed))
}

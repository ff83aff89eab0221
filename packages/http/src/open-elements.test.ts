import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { withinOpenElements } from './open-elements.ts'

const MANY = 2000

describe('HTML stays whole', () => {
  for (const [name, html] of Object.entries({
    'with 500 open elements': '<div>'.repeat(500),
    'of closed elements': '<div><b>x</b></div>'.repeat(MANY),
    'of rows and cells that nobody closes': `<table>${'<tr><td>x<td>y'.repeat(MANY)}</table>`,
    'of paragraphs and items that nobody closes':
      `<p>x<ul>${'<li>x'.repeat(MANY)}</ul>`.repeat(3) + '<p>x'.repeat(MANY),
    'of lists in lists': '<ul><li>a<ul><li>b</ul><li>c</ul>'.repeat(MANY),
    'of elements without content': '<br><img src=x><hr>'.repeat(MANY),
    'that closes what is not open': '</div></b>'.repeat(MANY),
    'without tags': 'a < b '.repeat(MANY),
  }))
    test(name, () => assert.equal(withinOpenElements(html), html))
})

describe('HTML ends before the 501st open element', () => {
  for (const tag of ['div', 'b', 'DIV class=x', 'x', 'a href="/"']) {
    test(`<${tag}>`, () => assert.equal(withinOpenElements(`<${tag}>`.repeat(MANY)), `<${tag}>`.repeat(500)))
  }
  for (const html of ['<td><p>', '<li><b>', '<table><tr>']) {
    test(html, () => assert.ok(withinOpenElements(html.repeat(MANY)).length <= 500 * html.length))
  }
})

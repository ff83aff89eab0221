/** Splits an address list into tokens. A quoted string is one, and so is an escaped character. */
const TOKENS = /"(?:[^"\\]|\\.)*"|\\.|[<>(),;"\\]|[^"\\<>(),;]+/gs
const SPECIAL = /^\\["<>(),;:@\\]$/

/**
 * Mends an address list (RFC 5322 section 3.4) where mailparser would lose an address: it drops comments and blanks inside
 * angle brackets, closes a bracket that a comma or the end leaves open, and puts a missing comma between two addresses.
 * Everything else stays as written, above all the quotes.
 */
export function tidyAddresses(list: string): string {
  const tidier = new AddressTidier()
  for (const [token] of list.matchAll(TOKENS)) tidier.token(token)
  return tidier.whole()
}

class AddressTidier {
  readonly #out: string[] = []
  /** Index in `#out` of the text in the open bracket. */
  #angle: number | undefined
  /** Index in `#out` after the last closed bracket, until a comma comes. */
  #closed: number | undefined
  /** Depth of the comments around the current token. */
  #depth = 0

  token(token: string): void {
    if (this.#depth > 0) this.#comment(token)
    else if (this.#angle === undefined) this.#outside(token)
    else this.#inside(token)
  }

  whole(): string {
    if (this.#angle !== undefined) this.#close()
    else this.#out.push(')'.repeat(this.#depth))
    return this.#out.join('')
  }

  #comment(token: string): void {
    if (token === '(') this.#depth++
    if (token === ')') this.#depth--
    if (this.#angle === undefined) this.#out.push(token)
  }

  #outside(token: string): void {
    if (token === '<') this.#open()
    else if (token === '(') {
      this.#depth = 1
      this.#out.push(token)
    } else if (token === ',' || token === ';') {
      this.#closed = undefined
      this.#out.push(token)
    } else if (token !== '"' && token !== '>' && !SPECIAL.test(token)) this.#out.push(token)
  }

  #inside(token: string): void {
    if (token === '>') this.#close()
    else if (token === '(') this.#depth = 1
    // A comma is part of an obsolete route only (RFC 5322 section 4.4).
    else if (token === ';' || (token === ',' && this.#out[this.#angle!]?.startsWith('@') !== true)) {
      this.#close()
      this.token(token)
    } else if (token.startsWith('"') && token.length > 1) this.#out.push(token)
    else if (token !== '"' && token !== '<') {
      const words = token.split(/([.@])/)
      this.#out.push(words.map((word) => word.trim()).join(''))
    }
  }

  #open(): void {
    // The words between two addresses are the name of the second.
    if (this.#closed !== undefined) this.#out.splice(this.#closed, 0, ',')
    this.#closed = undefined
    this.#out.push('<')
    this.#angle = this.#out.length
  }

  #close(): void {
    this.#angle = undefined
    this.#out.push('>')
    this.#closed = this.#out.length
  }
}

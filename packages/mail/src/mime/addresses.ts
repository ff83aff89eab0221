import { MAX_INDEXED_ADDRESSES } from '../limits.ts'

/** A mailbox as it was written: `name` has no quotes, encoded words are not decoded, missing parts are empty. */
export type Address = { readonly name: string; readonly mailbox: string; readonly host: string }
type Group = { readonly group: string; readonly members: readonly Address[] }
export type AddressList = readonly (Address | Group)[]

/** Reads an address list (RFC 5322 section 3.4 and 4.4), malformed ones too. Takes one pass and never throws. */
export function parseAddresses(text: string): AddressList {
  return new AddressReader(text).read()
}

type Word = { readonly text: string; readonly at: boolean }

class AddressReader {
  readonly #text: string
  #at = 0
  #out: (Address | Group)[] = []
  #count = 0
  #words: Word[] = []
  /** One of the words has an @. */
  #wordsAt = false
  #name: readonly Word[] = []
  #word: string | undefined
  #wordAt = false
  #comment = ''
  #angle: string | undefined
  #inAngle = false
  /** The text in brackets begins with an @; undefined before it begins. */
  #route: boolean | undefined
  #unclosed = false
  #group: { name: string; members: Address[] } | undefined

  constructor(text: string) {
    this.#text = text
  }

  read(): AddressList {
    while (this.#at < this.#text.length && this.#count < MAX_INDEXED_ADDRESSES) {
      const char = this.#text[this.#at]!
      if (this.#inAngle) this.#insideAngle(char)
      else this.#outside(char)
      this.#at++
    }
    this.#endMailbox()
    this.#endGroup()
    return this.#out
  }

  #insideAngle(char: string): void {
    if (this.#route === undefined && char.trim() !== '') this.#route = char === '@'
    if (char === '>') this.#inAngle = false
    else if (char === '"') this.#angle += this.#quoted()
    // Only an obsolete route has commas in brackets; otherwise the bracket was not closed.
    else if (char === ',' && this.#route !== true) {
      this.#inAngle = false
      this.#endMailbox()
    } else this.#angle += char
  }

  #outside(char: string): void {
    if (char === '"') this.#add(this.#quoted())
    else if (char === '(') this.#skipComment()
    else if (char === '<') this.#openAngle()
    else if (char === ',') this.#endMailbox()
    else if (char === ';') {
      this.#endMailbox()
      this.#endGroup()
    } else if (char === ':' && this.#opensGroup()) this.#openGroup()
    else if (/\s/.test(char)) this.#endWord()
    else if (char !== '>') {
      this.#add(char)
      if (char === '@') this.#wordAt = true
    }
  }

  #add(text: string): void {
    this.#word = (this.#word ?? '') + text
  }

  #openAngle(): void {
    this.#endWord()
    // Two addresses without a comma: the words between them are the name of the second.
    const name = this.#takeWords()
    if (this.#angle !== undefined) this.#endMailbox()
    this.#name = name
    this.#inAngle = true
    this.#route = undefined
    this.#angle = ''
  }

  #opensGroup(): boolean {
    const begun = this.#words.length > 0 || this.#word !== undefined
    // After an @, the colon belongs to an address literal, `[IPv6:...]`.
    return this.#group === undefined && begun && !this.#wordAt && !this.#wordsAt
  }

  #openGroup(): void {
    this.#endWord()
    const words = this.#takeWords()
    this.#group = { name: words.map(({ text }) => text).join(' '), members: [] }
  }

  /** Reads the quoted string that begins here. An unclosed quote is skipped, as are all later ones. */
  #quoted(): string {
    if (this.#unclosed) return ''
    const text = this.#text
    let out = ''
    for (let at = this.#at + 1; at < text.length; at++) {
      if (text[at] === '"') {
        this.#at = at
        return out
      }
      if (text[at] === '\\' && at + 1 < text.length) at++
      out += text[at]
    }
    this.#unclosed = true
    return ''
  }

  #skipComment(): void {
    this.#endWord()
    const start = this.#at + 1
    for (let depth = 0; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at]
      if (char === '\\') this.#at++
      else if (char === '(') depth++
      else if (char === ')' && --depth === 0) break
    }
    this.#comment = this.#text.slice(start, this.#at).replace(/\\(.)/g, '$1').trim()
  }

  #endWord(): void {
    if (this.#word !== undefined) {
      this.#words.push({ text: this.#word, at: this.#wordAt })
      this.#wordsAt ||= this.#wordAt
    }
    this.#word = undefined
    this.#wordAt = false
  }

  #endMailbox(): void {
    this.#endWord()
    const words = this.#takeWords()
    const address = this.#angle === undefined ? bare(words, this.#comment) : this.#bracketed(this.#angle, words)
    this.#comment = ''
    this.#angle = undefined
    if (address === undefined) return
    this.#count++
    if (this.#group === undefined) this.#out.push(address)
    else this.#group.members.push(address)
  }

  #takeWords(): readonly Word[] {
    const words = this.#words
    this.#words = []
    this.#wordsAt = false
    return words
  }

  #bracketed(angle: string, after: readonly Word[]): Address | undefined {
    const words = this.#name.length > 0 ? this.#name : after
    const name = words.map(({ text }) => text).join(' ') || this.#comment
    const spec = angle.trim().startsWith('@') ? angle.slice(angle.indexOf(':') + 1) : angle
    if (name === '' && spec.trim() === '') return undefined
    return { name, ...split(spec) }
  }

  #endGroup(): void {
    if (this.#group === undefined) return
    this.#out.push({ group: this.#group.name, members: this.#group.members })
    this.#count++
    this.#group = undefined
  }
}

/** Reads an address without brackets: the word with the @ is the address, the other words are the name. */
function bare(words: readonly Word[], comment: string): Address | undefined {
  if (words.length === 0) return undefined
  const spec = words.find(({ text, at }) => at && !text.startsWith('@') && !text.endsWith('@'))
  if (spec === undefined)
    return { name: comment, ...split(words.map(({ text }) => text).join(words.some(({ at }) => at) ? '' : ' ')) }
  const name = words
    .filter((word) => word !== spec)
    .map(({ text }) => text)
    .join(' ')
  return { name: name || comment, ...split(spec.text) }
}

function split(spec: string): { mailbox: string; host: string } {
  const at = spec.lastIndexOf('@')
  if (at < 0) return { mailbox: spec.trim(), host: '' }
  return { mailbox: spec.slice(0, at).trim(), host: spec.slice(at + 1).trim() }
}

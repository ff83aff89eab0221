/** A small generator of random numbers, so that texts are the same in each run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield state >>> 8
  }
}

const WORDS = `order total street parcel tomorrow please thanks number account button delivery invoice payment return
size colour warranty question answer team support refund address change cancel within days receive soon item carrier
label track online store gift card points collect member season offer terms privacy company register court office phone
your our with from this will have been that when before after only more than about every other which where here`.split(
  /\s+/,
)
const STYLES =
  `font-family:Arial,Helvetica,sans-serif|font-size:14px|font-size:12px|line-height:20px|line-height:1.5|color:#333333
color:#767676|background-color:#ffffff|background-color:#f4f4f7|padding:8px 24px|padding:0 0 16px|margin:0|text-align:left
text-align:right|border-top:1px solid #e8e5ef|border-radius:4px|width:100%|mso-line-height-rule:exactly|vertical-align:top`.split(
    /[|\n]/,
  )
const [FIRST, LAST, STREETS, TOWNS] = [
  'Ada Bob Carla Dinesh Eve Farid Greta Hugo Ines Jonas Kofi Lena Mira Nils Olga Pavel Quinn Rosa Sven Tara',
  'Abel Brandt Costa Dahl Ehlers Fischer Gupta Huber Ito Jensen Khan Lopez Meyer Novak Okafor Peters Rossi Silva',
  'Elm Oak High Station Mill Church Garden River Park Market Hill Bridge',
  'Aalen Bristol Cadiz Dover Essen Faro Ghent Hull Imola Jena Kiel Leeds',
].map((names) => names.split(' ')) as [string[], string[], string[], string[]]

const pick = <T>(from: readonly T[], n: number): T => from[n % from.length] as T

const sentence = (of: () => number) => `${Array.from({ length: 4 + (of() % 12) }, () => pick(WORDS, of())).join(' ')}.`

/** The part that all mails of a kind share, made from a seed, with inlined styles as inliners write them. */
function block(of: () => number): string {
  const style = Array.from({ length: 3 + (of() % 4) }, () => pick(STYLES, of())).join(';')
  return `<tr>\n<td align="left" class="k${of() % 30}" style="${style}">\n<p style="margin:0">${sentence(of)}</p>\n</td>\n</tr>\n`
}

function fixed(seed: number, bytes: number): string {
  const random = numbers(seed)
  const of = () => random.next().value
  let html = ''
  while (html.length < bytes) html += block(of)
  return html
}

const hex = (of: () => number, length: number) =>
  Array.from({ length }, () => (of() >> 4).toString(16).at(-1) ?? '0').join('')

function line(of: () => number): string {
  const [product, count, cents] = [of() % 400, 1 + (of() % 3), 199 + (of() % 9000)]
  const name = `${pick(WORDS, product)} ${pick(WORDS, product >> 3)} ${product}`
  return (
    `<tr>\n<td style="padding:8px 24px;font-size:14px"><img src="https://cdn.shop.test/p/${product}.png" width="64" alt="${name}"></td>\n` +
    `<td style="text-align:left;font-size:14px">${name}</td>\n<td style="text-align:right">${count} x ${(cents / 100).toFixed(2)}</td>\n</tr>\n`
  )
}

const PARTS = [0, 1].map((kind) => [fixed(100 + kind, 9000), fixed(200 + kind, 7800)] as const)
const TITLES = ['Thank you for your order', 'Your parcel is on its way']

/**
 * Makes the n-th of a shop's mails, 20 KB. Three of five confirm an order, the others announce its parcel. Each has its own name,
 * address, numbers, lines, advice and links, and shares the rest with its kind.
 */
export function html(n: number): string {
  const random = numbers(n * 7919 + 1)
  const of = () => random.next().value
  const name = `${pick(FIRST, of())} ${pick(LAST, of())}`
  const kind = n % 5 < 3 ? 0 : 1
  const [head, foot] = PARTS[kind] as readonly [string, string]
  const order = `${100_000 + (of() % 900_000)}-${n}`
  const address = `${name}<br>${1 + (of() % 200)} ${pick(STREETS, of())} Street<br>${10_000 + (of() % 90_000)} ${pick(TOWNS, of())}`
  const lines = Array.from({ length: 2 + (of() % 5) }, () => line(of)).join('')
  const advice = Array.from({ length: 2 }, () => `<p>${sentence(of)}</p>\n`).join('')
  const link = `https://shop.test/o/${order}?t=${hex(of, 32)}`
  const total = ((1000 + (of() % 30_000)) / 100).toFixed(2)
  return (
    `<!doctype html>\n<html>\n<body>\n<h1>${TITLES[kind]}</h1>\n<p>Hello ${name},</p>\n<p>order ${order}</p>\n${head}` +
    `<table>\n${lines}</table>\n<p>Total ${total}</p>\n<p>${address}</p>\n<a href="${link}">See your order</a>\n${advice}${foot}` +
    `<a href="https://shop.test/unsubscribe?u=${hex(of, 24)}">Unsubscribe</a>\n</body>\n</html>\n`
  )
}

/** Makes a received message of 60 KB with a text and an attachment. */
export function letter(n: number): string {
  const file = Buffer.alloc(41_000, `attachment ${n} `).toString('base64').match(/.{76}/g)?.join('\r\n')
  return [
    'From: Eve <eve@far.test>',
    `To: box${n % 5}@kabutar.test`,
    `Subject: letter ${n}`,
    `Message-ID: <${n}@far.test>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="=b"',
    '',
    '--=b',
    'Content-Type: text/plain',
    '',
    'Hello.\r\n'.repeat(300),
    '--=b',
    'Content-Type: application/pdf; name=a.pdf',
    'Content-Transfer-Encoding: base64',
    '',
    file,
    '--=b--',
    '',
  ].join('\r\n')
}

export const bytesOf = (text: string): Uint8Array => Buffer.from(text)

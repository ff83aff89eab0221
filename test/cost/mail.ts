const WORDS = ['order', 'total', 'street', 'parcel', 'tomorrow', 'please', 'thanks', 'number', 'account', 'button']

/** A template as inliners leave them: 20 KB that compress to a sixth. */
export const HTML = Array.from(
  { length: 200 },
  (_, n) =>
    `<tr style="padding:${n % 24}px"><td class="c${n % 7}" style="font-family:Arial">${WORDS[n % 10]} ${(n * 7919) % 1000}</td></tr>\n`,
)
  .join('')
  .slice(0, 20_000)
  .padEnd(20_000, ' ')

/** 60 KB with a text and an attachment. */
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

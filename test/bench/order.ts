const sentence = (n: number) => `Order ${n * 7919} of ${n} items is on its way to street ${n * 31}. `

/** The message of the relay benchmarks: about 4 KB of plain text, with field names that nodemailer and the API share. */
export function orderOf(number: number) {
  const text = Array.from({ length: 70 }, (_, n) => sentence(n + number))
    .join('')
    .slice(0, 3700)
  return { from: 'Shop <shop@kabutar.test>', to: 'customer@y.test', subject: `Your order ${number}`, text }
}

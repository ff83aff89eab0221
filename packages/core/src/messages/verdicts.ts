/** Whoever received a message may have judged it; what it did not look at is left out. */
export const CHECKS = ['spf', 'dkim', 'dmarc', 'spam', 'virus'] as const
/** `none`: there was nothing to go by, such as no policy. `error`: the check itself failed. */
export const VERDICTS = ['pass', 'fail', 'none', 'error'] as const
export type Verdict = (typeof VERDICTS)[number]
export type Verdicts = { readonly [check in (typeof CHECKS)[number]]?: Verdict }

import type { ComponentChildren } from 'preact'

/** Shows preformatted text in a box that scrolls. It takes the focus, since what scrolls must be reached by keyboard. */
export function Scroll({ children }: { readonly children: ComponentChildren }) {
  // biome-ignore lint/a11y/noNoninteractiveTabindex: without it, no key scrolls the text
  return <pre tabIndex={0}>{children}</pre>
}

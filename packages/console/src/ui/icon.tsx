/** Draws line icons of 20 by 20. They say nothing to screen readers: what has only an icon has a label beside it. */
const PATHS = {
  messages: 'M3 5h14v10H3zM3 6l7 5 7-5',
  domains: 'M10 3a7 7 0 1 0 0 14a7 7 0 0 0 0-14M3 10h14M10 3c3 3 3 11 0 14c-3-3-3-11 0-14',
  keys: 'M13 3a4 4 0 1 1-2.8 6.8L4 16v1h3v-2h2v-2h1l1.2-2.2M13.5 6.5h.01',
  webhooks: 'M7 9a3 3 0 1 1 5.5-1.6L14 11M10 7l-3 6M4.5 10.600a3 3 0 1 0 4.5 3.400h5M14 11a3 3 0 1 1-2 5',
  suppressions: 'M10 3a7 7 0 1 0 0 14a7 7 0 0 0 0-14M5 5l10 10',
  'dead-letters': 'M3 8l7-5 7 5v9H3zM3 8l5 4h4l5-4M8 12l-5 5M12 12l5 5',
  health: 'M3 10h3l2-5 4 10 2-5h3',
  search: 'M9 3.500a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11M13 13l4 4',
  settings: 'M3 6h8M15 6h2M3 14h2M9 14h8M13 4v4M7 12v4',
  help: 'M10 3a7 7 0 1 0 0 14a7 7 0 0 0 0-14M8 8a2 2 0 1 1 2.5 2c-.5.2-.5.6-.5 1.200M10 13.800h.01',
  pause: 'M7 5v10M13 5v10',
  play: 'M7 5l8 5-8 5z',
  copy: 'M7 7h9v10H7zM13 7V3H4v10h3',
  check: 'M4 10l4 4 8-8',
  download: 'M10 3v10M6 9l4 4 4-4M4 17h12',
  trash: 'M4 6h12M8 6V4h4v2M6 6l.7 11h6.600L14 6M9 9v5M11 9v5',
  again: 'M16 8A6 6 0 1 0 16 12M16 3v5h-5',
  out: 'M6 14l8-8M7 6h7v7',
  in: 'M14 6l-8 8M13 14H6V7',
  captured: 'M3 11h4l1 3h4l1-3h4v6H3zM10 3v6M7 6.500L10 9.500l3-3',
  clip: 'M14 7l-6 6a1.5 1.5 0 0 0 2 2l6-6a3 3 0 0 0-4-4l-6.5 6.500a4.5 4.5 0 0 0 6.5 6.500L17 12',
  back: 'M12 4l-6 6 6 6',
  close: 'M5 5l10 10M15 5L5 15',
  more: 'M4 10a1 1 0 1 0 2 0a1 1 0 1 0-2 0M9 10a1 1 0 1 0 2 0a1 1 0 1 0-2 0M14 10a1 1 0 1 0 2 0a1 1 0 1 0-2 0',
  phone: 'M6 2.500h8v15H6zM9 15h2',
  desktop: 'M3 4h14v9H3zM7 17h6M10 13v4',
  moon: 'M16 12A6.5 6.5 0 1 1 8 4a5 5 0 0 0 8 8z',
  image: 'M3 4h14v12H3zM3 13l4-4 4 4 2-2 4 4M13 7.500h.01',
  open: 'M11 4h5v5M16 4l-7 7M8 5H4v11h11v-4',
  group: 'M3 5h14M6 10h11M6 15h11M3 10h.01M3 15h.01',
  'sign-out': 'M8 4H4v12h4M8 10h9M13 6l4 4-4 4',
  send: 'M3 10l14-6-5 13-3-5zM9 12l4-4',
} as const
export type IconName = keyof typeof PATHS

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}

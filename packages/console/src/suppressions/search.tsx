import { ORIGINS } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { textOf } from '../ui/form-dialog.tsx'

/** Looks up one address, or shows those of one reason. Both are in the URL. */
export function Search() {
  const { router, t } = useConsole()
  const { address, origin } = router.current.value.query
  const search = (event: SubmitEvent) => {
    event.preventDefault()
    router.set({ address: textOf(new FormData(event.currentTarget as HTMLFormElement), 'address'), origin: undefined })
  }
  return (
    <search>
      <form class="filters" onSubmit={search}>
        <label class="field wide">
          <span>{t('suppressions.search')}</span>
          <input
            key={address}
            name="address"
            type="search"
            spellcheck={false}
            autocomplete="off"
            placeholder="ada@example.com"
            defaultValue={address}
          />
        </label>
        <button type="submit" class="button">
          {t('suppressions.look-up')}
        </button>
        <label class="field">
          <span>{t('suppressions.reason')}</span>
          <select
            value={origin ?? ''}
            onChange={(event) => router.set({ origin: event.currentTarget.value, address: undefined })}
          >
            <option value="">{t('suppressions.any-reason')}</option>
            {ORIGINS.map((one) => (
              <option key={one} value={one}>
                {t(`suppressions.origin.${one}`)}
              </option>
            ))}
          </select>
        </label>
        {address && (
          <button type="button" class="button quiet" onClick={() => router.set({ address: undefined })}>
            {t('suppressions.show-all')}
          </button>
        )}
      </form>
    </search>
  )
}

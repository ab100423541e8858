// Light, dark, or as the system says. theme.js applies the stored choice before the first paint.
export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const storage_key = 'lar.theme';
let current = $state<Theme>(
  themes.find((theme) => theme === document.documentElement.dataset.theme) ?? 'auto',
);

export function theme(): Theme {
  return current;
}

export function set_theme(value: Theme): void {
  current = value;
  if (value === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
  try {
    if (value === 'auto') localStorage.removeItem(storage_key);
    else localStorage.setItem(storage_key, value);
  } catch {
    // Storage switched off: the choice lasts as long as the page.
  }
}

// Applies the theme the owner chose before the first paint. A file of its own, since the policy allows no inline script.
try {
  const theme = localStorage.getItem('lar.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage switched off: the system's theme applies.
}

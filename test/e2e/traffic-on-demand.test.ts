/** All that `traffic-explicit` shows, by sidecars that load what they call when they first call it. */
process.env.PILOTHOUSE_TEST_ON_DEMAND = '1'
await import('./traffic-explicit.test.ts')

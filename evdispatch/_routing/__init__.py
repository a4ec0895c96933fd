"""Who hears what: handlers, their filters, and the routes from an event to them. No IO.

Also what stands between an entry and its handler: `_pacing` (throttle and debounce) and
`_probes` (who looks at the calls).
"""

"""Back ends: places where a workspace lives, all keeping `crmkit.core.ports.storage`."""

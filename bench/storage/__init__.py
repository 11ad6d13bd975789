"""What lies on disk: components in artifacts/, results and manifests in results/."""

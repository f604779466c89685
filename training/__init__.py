"""Training of an RDO-VAE for DRED, with PyTorch: speech, features, model, quantizers, loss, trainer."""

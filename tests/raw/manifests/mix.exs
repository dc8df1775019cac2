def project do
 [
  app: :shop,
  version: "1"

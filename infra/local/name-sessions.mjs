// Preloaded into each environment: its sessions bear its process id, by which the page finds whose they are.
process.env.PGAPPNAME = `${process.env.AWS_LAMBDA_FUNCTION_NAME} ${process.pid}`
